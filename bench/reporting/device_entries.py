"""The entries of a row that a phone measured, each checked on its own: its kind and its range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from distill.console.errors import UserError

LONGEST_MS = 600_000.0
MOST_MEMORY = 1 << 40
LONGEST_RUN = 24 * 3600
"""In seconds."""
THERMAL_STATES = ("nominal", "fair", "serious", "critical")
RESHAPE_FREQUENCIES = ("frequent", "infrequent")
STRATEGIES = ("default", "fast_prediction")
PLAN_UNITS = ("neural_engine", "gpu", "cpu")

T = TypeVar("T")


def entry(
    stored: dict[str, object], name: str, kind: type[T], place: str, default: T | None = None
) -> T:
    """An entry of a row, of type ``kind``; ``default`` where it may be missing.

    Args:
        place: what an error names: the file, and the row.

    Raises:
        UserError: it is missing without a default, or of another type.
    """
    value = stored.get(name, default)
    if value is None:
        raise UserError(f"{place}: {name!r} is missing")
    # JSON's true is a Python int too, and no length
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{place}: {name!r} is {value!r}, not of type {kind.__name__}")
    return value


def optional(
    row: dict[str, object], name: str, check: Callable[[object], T], place: str
) -> T | None:
    """An entry that may be left out; ``check`` raises ValueError with what it expected.

    Raises:
        UserError: ``check`` refuses it.
    """
    value = row.get(name)
    if value is None:
        return None
    try:
        return check(value)
    except ValueError as error:
        raise UserError(f"{place}: {name!r} is {value!r}, not {error}") from None


def _number(value: object, least: float, most: float, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(expected)
    return value


def milliseconds(value: object) -> float:
    """A time.

    Raises:
        ValueError: not a number from 0 to `LONGEST_MS`.
    """
    return float(_number(value, 0, LONGEST_MS, f"between 0 and {LONGEST_MS:.0f} ms"))


def share(value: object) -> float:
    """A share.

    Raises:
        ValueError: not a number from 0 to 1.
    """
    return float(_number(value, 0, 1, "between 0 and 1"))


def byte_count(value: object) -> int:
    """A size in bytes.

    Raises:
        ValueError: not a whole number from 0 to `MOST_MEMORY`.
    """
    if not isinstance(value, int):
        raise ValueError("a whole number of bytes")
    return int(_number(value, 0, MOST_MEMORY, f"between 0 and {MOST_MEMORY} bytes"))


def one_of(*names: str) -> Callable[[object], str]:
    """A check of an entry that is one of some names; it raises ValueError for any other."""

    def check(value: object) -> str:
        if value not in names:
            raise ValueError("one of " + ", ".join(names))
        return str(value)

    return check


def flag(value: object) -> bool:
    """A truth value.

    Raises:
        ValueError: neither true nor false.
    """
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def compute_plan(value: Any) -> dict[str, dict[str, float]]:
    """Shares of the operations and of their cost on each of `PLAN_UNITS`.

    Raises:
        ValueError: a unit or a share is missing, or not from 0 to 1.
    """
    expected = "shares of operations and cost from 0 to 1 on " + ", ".join(PLAN_UNITS)
    try:
        return {
            unit: {part: share(value[unit][part]) for part in ("operations", "cost")}
            for unit in PLAN_UNITS
        }
    except (TypeError, KeyError, ValueError):
        raise ValueError(expected) from None


def checks(value: Any) -> dict[str, object]:
    """How many checks of model.json the phone ran, the largest difference (a share of the largest
    number; None: an output is missing or not finite), and whether they passed.

    Raises:
        ValueError: another form than that.
    """
    try:
        difference = value.get("difference")
        return {
            "count": int(_number(value["count"], 1, 1000, "checks")),
            "difference": None if difference is None else float(_number(difference, 0, 1e9, "")),
            "passed": flag(value["passed"]),
        }
    except (AttributeError, KeyError, ValueError):
        raise ValueError("checks with count, difference and passed") from None


def sustained(value: Any) -> dict[str, object]:
    """A run without a pause: its seconds, and windows of some seconds each.

    Raises:
        ValueError: another form than that, no window, or windows out of order.
    """
    try:
        windows: list[dict[str, Any]] = [
            {
                "start_s": float(_number(window["start_s"], 0, LONGEST_RUN, "")),
                "predictions": int(_number(window["predictions"], 1, 1e9, "")),
                "median_ms": milliseconds(window["median_ms"]),
                "p90_ms": milliseconds(window["p90_ms"]),
                "thermal_state": one_of(*THERMAL_STATES)(window["thermal_state"]),
            }
            for window in value["windows"]
        ]
        starts = [window["start_s"] for window in windows]
        if not windows or starts != sorted(starts):
            raise ValueError
        return {
            "seconds": float(_number(value["seconds"], 0, LONGEST_RUN, "")),
            "windows": windows,
        }
    except (TypeError, KeyError, ValueError):
        raise ValueError("seconds, and windows in their order with times and states") from None


def rounds(row: dict[str, object], place: str) -> tuple[int, ...] | None:
    """The round of each time; they never go down. None in version 1, which has none.

    Raises:
        UserError: not whole numbers in order, or another number of them than of times.
    """
    rounds = optional(row, "rounds", _whole_numbers, place)
    times = len(entry(row, "milliseconds", list, place))
    if rounds is not None and len(rounds) != times:
        raise UserError(f"{place}: {len(rounds)} entries in 'rounds' for {times} times")
    return rounds


def _whole_numbers(value: Any) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(type(number) is int for number in value)
    if not whole or any(number < 0 for number in value) or value != sorted(value):
        raise ValueError("a list of round numbers from 0 up")
    return tuple(value)


def times(row: dict[str, object], place: str) -> Iterator[float]:
    """Milliseconds of single predictions, in the order they were taken.

    Raises:
        UserError: none, or one that is not between 0 and `LONGEST_MS`.
    """
    values = entry(row, "milliseconds", list, place)
    if not values:
        raise UserError(f"{place}: 'milliseconds' is empty")
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < LONGEST_MS:
            raise UserError(
                f"{place}: a time of {value!r} ms, not between 0 and {LONGEST_MS:.0f} ms"
            )
        yield float(value)
