"""What a package may lose, or how large it may be: the values of ``--budget`` and ``--data``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.console.errors import UserError
from export.bundle.compress import COMPRESSIONS

EXPECTED = '"MEASURE -NUMBER" such as "F1 -0.5", or "NUMBER MB"'
LESS_IS_BETTER = ("perplexity",)
"""Measures that are worse when they grow; every other one is worse when it falls."""


@dataclass(frozen=True)
class Budget:
    """What a package may lose, or its size: ``measure`` may get worse by ``change`` (above 0 where
    less is better, else below), or the package may take ``bytes``. ``words``: as it was given."""

    words: str
    measure: str = ""
    change: float = 0.0
    bytes: int | None = None

    def allows(self, half: Mapping[str, float], found: Mapping[str, float]) -> bool:
        """Whether the measures may become ``found`` from those of half precision; of a size, they
        may."""
        if self.bytes is not None:
            return True
        gained = found[self.measure] - half[self.measure]
        worse = gained if self.measure in LESS_IS_BETTER else -gained
        return worse <= abs(self.change) + 1e-9


def parse_budget(text: str) -> Budget:
    """The value of ``--budget``.

    Raises:
        UserError: it is neither a loss of a measure nor a size.
    """
    if size := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*MB\s*", text):
        if float(size[1]) == 0:
            raise UserError(f"--budget {text!r}: the size must be above 0")
        return Budget(text, bytes=int(float(size[1]) * 1e6))
    if change := re.fullmatch(r"\s*([A-Za-z]\w*(?: \w+)?)\s*([-+]\d+(?:\.\d+)?)\s*", text):
        measure, sign = change[1].lower().replace(" ", "_"), change[2][0]
        worse = "+" if measure in LESS_IS_BETTER else "-"
        if sign != worse:
            raise UserError(
                f'--budget {text!r}: a loss of this measure is "{change[1]} {worse}{change[2][1:]}"'
            )
        return Budget(text, measure, float(change[2]))
    raise UserError(f"--budget {text!r}: unknown budget (expected {EXPECTED})")


@dataclass(frozen=True)
class Choosing:
    """The examples that weights are fitted to: ``limit`` of ``data``, or all. ``budget``: what
    decides the bits of each weight; None where all have the same."""

    budget: Budget | None
    data: Path
    limit: int | None = None


def asked_choosing(
    quantize: str, budget: str | None, data: Path | None, limit: int | None
) -> Choosing | None:
    """The values of ``--budget``, ``--data`` and ``--limit`` for a quantization.

    Raises:
        UserError: a quantization of mixed bits without a budget or data, another with a budget,
            data for weights that are not in palettes, or as `parse_budget`.
    """
    kind = COMPRESSIONS[quantize].kind
    if kind == "mixed":
        if budget is None or data is None:
            raise UserError(f"--quantize auto needs --data FILE and --budget {EXPECTED}")
        return Choosing(parse_budget(budget), data, limit)
    if budget is not None:
        raise UserError(f"--budget is for --quantize auto, not {quantize}")
    if data is None:
        return None
    if kind != "palette":
        raise UserError(f"--data is for --quantize auto and palettes (lutN), not {quantize}")
    return Choosing(None, data, limit)


def check_measure(budget: Budget, measures: Mapping[str, float]) -> None:
    """Raises:
    UserError: the budget is of a measure that is not among ``measures``.
    """
    if budget.bytes is None and budget.measure not in measures:
        known = ", ".join(measures) or "none: it has no right answers"
        raise UserError(
            f"--budget {budget.words!r}: the data does not give this measure (expected {known})"
        )


def check_size(budget: Budget, written: int) -> None:
    """Raises:
    UserError: the package that was ``written``, in bytes, is larger than the budget.
    """
    if budget.bytes is not None and written > budget.bytes:
        raise UserError(
            f"--budget {budget.words!r}: the written package has {written / 1e6:.2f} MB; ask for "
            "less, or for fewer --lengths"
        )


def check_smallest(budget: Budget, smallest: int) -> None:
    """Raises:
    UserError: the ``smallest`` package, in bytes, is larger than the budget.
    """
    if budget.bytes is not None and smallest > budget.bytes:
        raise UserError(
            f"--budget {budget.words!r}: the smallest package has {smallest / 1e6:.1f} MB"
        )


def first_within(package_bytes: Sequence[int], budget: Budget) -> int:
    """The first package of a path that is within the budget.

    Raises:
        UserError: every package is larger.
    """
    check_smallest(budget, min(package_bytes))
    return next(n for n, size in enumerate(package_bytes) if size <= (budget.bytes or 0))
