"""The labels of one's own rows: their names, and whether they are classes or scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from distill.console.errors import UserError
from distill.tasks.label_keys import check_alike
from distill.tasks.own_rows import Row
from distill.tasks.sentences import MULTI_LABEL, REGRESSION
from distill.tasks.task import Labels

SINGLE = "single_label_classification"
PROBLEMS = {"single_label": SINGLE, "multi_label": MULTI_LABEL, "regression": REGRESSION}
SEPARATOR = "|"  # of the labels of a row in a table
DECIMAL_COMMA = re.compile(r"-?\d+(,\d+)?")


def names_in(value: object) -> list[str]:
    """The labels of one row that may have several."""
    parts = value if isinstance(value, list) else str(value).split(SEPARATOR)
    return [str(part).strip() for part in parts if str(part).strip()]


def number_in(value: Any) -> float | None:
    """A label as a number; None where it is none, or one without a value (nan, inf)."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def label_table(rows: Sequence[Row], column: str, problem: str) -> Labels:
    """The labels in a column, and what kind of ``problem`` they are of: a name of `PROBLEMS`, or by
    their looks where it is "auto".

    Raises:
        UserError: there are fewer than two, two of them are one but for their spelling, or they
            are partly numbers.
    """
    values = [row.get(column) for row in rows]
    values = [value for value in values if value is not None and str(value).strip()]
    kind = PROBLEMS.get(problem) or _kind(values, column)
    if kind == REGRESSION:
        return Labels((), kind)
    names = {n for v in values for n in (names_in(v) if kind == MULTI_LABEL else [str(v).strip()])}
    numbers = all(name.lstrip("-").isdigit() for name in names)
    ordered = sorted(names, key=int) if numbers else sorted(names)
    check_alike(names)
    _check_numbers(part for v in values for part in (v if isinstance(v, list) else [v]))
    if len(ordered) < 2:
        only = f"only the label {ordered[0]}" if ordered else "no label in any row"
        raise UserError(f"the column {column} has {only}")
    return Labels(tuple(ordered), kind)


def _kind(values: Sequence[Any], column: str) -> str:
    """Several labels a row, scores (numbers with fractions), or classes."""
    if any(isinstance(value, list) or SEPARATOR in str(value) for value in values):
        return MULTI_LABEL
    numbers = {str(value): number_in(value) for value in values}
    others = [name for name, number in numbers.items() if number is None]
    fractions = [name for name, number in numbers.items() if number is not None and number % 1]
    odd = next(filter(_without_value, others), others[0] if fractions and others else None)
    if odd is not None and len(others) < len(numbers):
        number = next(name for name in numbers if name not in others)
        raise UserError(
            f"the column {column} holds {number} and {odd!r}, which is not a number: mend it, or "
            "name the kind of --problem"
        )
    if others and all(DECIMAL_COMMA.fullmatch(name.strip()) for name in numbers):
        raise UserError(f"the column {column} holds {others[0]}: write it with a point")
    return REGRESSION if fractions else SINGLE


def _without_value(name: str) -> bool:
    """Whether a name is that of a number without a value: nan, inf."""
    try:
        return not np.isfinite(float(name))
    except ValueError:
        return False


def _check_numbers(values: Iterable[Any]) -> None:
    """Raises:
    UserError: one number is spelled in two ways, such as 1 and 1.0; or a label is an object or a
        list.
    """
    spelled: dict[float, str] = {}
    for value in values:
        if isinstance(value, dict | list):
            raise UserError(f"{value!r} is not a label (expected text or a number)")
        number, name = number_in(value), str(value).strip()
        if number is not None and spelled.setdefault(number, name) != name:
            raise UserError(
                f"the labels {spelled[number]} and {name} are one number: spell it in one way"
            )
