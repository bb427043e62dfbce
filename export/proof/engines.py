"""What can run a bundle, by the names that ``--engine`` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.console.errors import UserError

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.proof.package_runners import Engine

HALF_PRECISION_INPUTS = 2
"""Apple's runtime for Linux takes 20 seconds and more for one, so few have to do."""


def _package(engine: str) -> Callable[[Bundle, str | None], Engine]:
    def opened(bundle: Bundle, precision: str | None) -> Engine:
        from export.proof.package_runners import PackageEngine

        return PackageEngine(bundle, engine, precision or "float16")

    return opened


def _asset(bundle: Bundle, precision: str | None) -> Engine:
    from export.proof.coreai_runtime import CoreAIEngine

    return CoreAIEngine(bundle)


@dataclass(frozen=True)
class Runner:
    """The ``format`` of a bundle that an engine runs, what ``opens`` it, at a precision where it
    ``takes_precision``, and what it is in ``words``."""

    format: str
    opens: Callable[[Bundle, str | None], Engine]
    words: str
    takes_precision: bool = False


ENGINES = {
    "simulator": Runner("coreml", _package("simulator"), "the simulator", takes_precision=True),
    "coreml": Runner("coreml", _package("coreml"), "Core ML"),
    "coreai": Runner("coreai", _asset, "Apple's runtime"),
}
"""The first engine of a format runs everywhere."""


def engines_of(bundle: Bundle) -> list[str]:
    """The engine that runs everywhere for each format that a bundle has, in the table's order."""
    formats = bundle.settings.get("formats") or {"coreml": {}}
    by_format: dict[str, str] = {}
    for name, runner in ENGINES.items():
        if runner.format in formats:
            by_format.setdefault(runner.format, name)
    return list(by_format.values())


def format_of(bundle: Bundle, engine: str | None = None) -> str:
    """The format of a bundle that an engine runs, by default the first of `engines_of`."""
    return ENGINES[engine or engines_of(bundle)[0]].format


def open_engine(bundle: Bundle, engine: str | None = None, precision: str | None = None) -> Engine:
    """An engine for a bundle; by default the first of `engines_of`.

    Args:
        precision: of the simulator, ``float16``, as a phone computes and the default, or
            ``float32``.

    Raises:
        UserError: the bundle lacks the format, what runs it is not on this machine, or it takes no
            precision.
    """
    available = engines_of(bundle)
    if not available:
        raise UserError(f"{bundle.directory}: model.json does not name a format that this kit runs")
    name = engine or available[0]
    runner = ENGINES[name]
    if runner.format not in (bundle.settings.get("formats") or {"coreml": {}}):
        raise UserError(
            f"{bundle.directory} has no {runner.format} format for --engine {name} "
            f"(it runs in {', '.join(available)})"
        )
    if precision and not runner.takes_precision:
        raise UserError(
            f"--precision is for the simulator: {runner.words} computes as the file says"
        )
    return runner.opens(bundle, precision)
