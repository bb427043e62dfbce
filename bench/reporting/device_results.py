"""Results that a phone measured: the schema that the demo app writes, checked when read.

One JSON object; `device_schema.md` beside this file describes each entry. Version 2 has the round
of each time, since the app measures in turns; version 1 measured one model after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from distill.console.errors import UserError

SCHEMA = "distilkit.device"
VERSIONS = (1, 2)
COMPUTE_UNITS = ("all", "cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine")
THERMAL_STATES = ("nominal", "fair", "serious", "critical")
LONGEST_MS = 600_000.0
MOST_MEMORY = 1 << 40
LONGEST_INPUT = 1 << 20
FRAMEWORKS = ("coreml", "coreai")
PLAN_UNITS = ("neural_engine", "gpu", "cpu")

T = TypeVar("T")


@dataclass(frozen=True)
class DeviceRow:
    """Single predictions of one model on one compute unit at one length.

    ``milliseconds`` are in the order they were taken, tokenization excluded, and ``rounds`` the
    round of each (None in version 1); ``memory_bytes`` is the app's memory after them. A
    ``control`` is the first model measured a second time. ``compute_plan`` holds shares from 0 to
    1 of the operations and of their cost on each unit.
    """

    device: str
    os: str
    model: str
    quantization: str
    layout: str
    random_weights: bool
    compute_unit: str
    length: int
    warm_up: int
    milliseconds: tuple[float, ...]
    memory_bytes: int
    thermal_state_before: str
    thermal_state: str
    rounds: tuple[int, ...] | None = None
    control: bool = False
    framework: str = "coreml"
    compile_ms: float | None = None
    load_ms: float | None = None
    first_prediction_ms: float | None = None
    package_bytes: int | None = None
    peak_memory_bytes: int | None = None
    low_power: bool | None = None
    battery_level: float | None = None
    charging: bool | None = None
    compute_plan: dict[str, dict[str, float]] | None = None

    def as_json(self) -> dict[str, Any]:
        """With the median and percentiles in ms in the place of single times."""
        entries = asdict(self)
        times = entries.pop("milliseconds")
        del entries["rounds"]
        percentiles = {
            name: float(np.percentile(times, q))
            for name, q in (("median_ms", 50), ("p90_ms", 90), ("p99_ms", 99))
        }
        return {**entries, **percentiles, "inferences": len(times)}

    @property
    def place(self) -> tuple[str, str, int]:
        """What two rows share that can be compared."""
        return self.device, self.compute_unit, self.length


def read_device_results(path: Path) -> list[DeviceRow]:
    """Read and check a results file.

    Raises:
        UserError: no such file, another schema or version, an entry that is missing or of the
            wrong kind, or impossible numbers; says where.
    """
    stored = _read(path)
    rows = stored.get("rows")
    if not isinstance(rows, list) or not rows:
        raise UserError(f"{path}: holds no rows; measure something in the app first")
    general = {
        "device": _entry(stored, "device", str, str(path)),
        "os": _entry(stored, "os", str, str(path)),
    }
    found = [_row(row, general, f"{path}, row {number}") for number, row in enumerate(rows, 1)]
    seen: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(found, 1):
        first = seen.setdefault((row.model, row.control, *row.place), number)
        if first != number:
            raise UserError(f"{path}, row {number}: measures the same as row {first}")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error})") from None
    if not isinstance(stored, dict) or stored.get("schema") != SCHEMA:
        raise UserError(f"{path}: not a results file of the app (schema {SCHEMA!r} is missing)")
    version = stored.get("version")
    if isinstance(version, bool) or version not in VERSIONS:
        raise UserError(
            f"{path}: version {version!r}, this kit reads {' and '.join(map(str, VERSIONS))}; "
            "take the app and the kit from the same release"
        )
    return stored


def _row(row: Any, general: dict[str, str], place: str) -> DeviceRow:
    if not isinstance(row, dict):
        raise UserError(f"{place}: not an object")
    result = DeviceRow(
        **general,
        model=_entry(row, "model", str, place),
        quantization=_entry(row, "quantization", str, place, "none"),
        layout=_entry(row, "layout", str, place, "standard"),
        random_weights=_entry(row, "random_weights", bool, place, False),
        compute_unit=_entry(row, "compute_unit", str, place),
        length=_entry(row, "length", int, place),
        warm_up=_entry(row, "warm_up", int, place, 0),
        milliseconds=tuple(_times(row, place)),
        memory_bytes=_entry(row, "memory_bytes", int, place),
        thermal_state_before=_entry(row, "thermal_state_before", str, place, "nominal"),
        thermal_state=_entry(row, "thermal_state", str, place),
        rounds=_rounds(row, place),
        control=_entry(row, "control", bool, place, False),
        framework=_entry(row, "framework", str, place, "coreml"),
        compile_ms=_optional(row, "compile_ms", _milliseconds, place),
        load_ms=_optional(row, "load_ms", _milliseconds, place),
        first_prediction_ms=_optional(row, "first_prediction_ms", _milliseconds, place),
        package_bytes=_optional(row, "package_bytes", _bytes, place),
        peak_memory_bytes=_optional(row, "peak_memory_bytes", _bytes, place),
        low_power=_optional(row, "low_power", _flag, place),
        battery_level=_optional(row, "battery_level", _share, place),
        charging=_optional(row, "charging", _flag, place),
        compute_plan=_optional(row, "compute_plan", _plan, place),
    )
    _check(result, place)
    return result


def _entry(
    stored: dict[str, Any], name: str, kind: type[T], place: str, default: T | None = None
) -> T:
    value = stored.get(name, default)
    if value is None:
        raise UserError(f"{place}: {name!r} is missing")
    # JSON's true is a Python int too, and no length
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{place}: {name!r} is {value!r}, not of type {kind.__name__}")
    return value


def _optional(row: dict[str, Any], name: str, check: Callable[[Any], T], place: str) -> T | None:
    """An entry that may be left out; ``check`` raises ValueError with what it expected."""
    value = row.get(name)
    if value is None:
        return None
    try:
        return check(value)
    except ValueError as error:
        raise UserError(f"{place}: {name!r} is {value!r}, not {error}") from None


def _number(value: Any, least: float, most: float, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(expected)
    return value


def _milliseconds(value: Any) -> float:
    return float(_number(value, 0, LONGEST_MS, f"between 0 and {LONGEST_MS:.0f} ms"))


def _share(value: Any) -> float:
    return float(_number(value, 0, 1, "between 0 and 1"))


def _bytes(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("a whole number of bytes")
    return int(_number(value, 0, MOST_MEMORY, f"between 0 and {MOST_MEMORY} bytes"))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _plan(value: Any) -> dict[str, dict[str, float]]:
    expected = "shares of operations and cost from 0 to 1 on " + ", ".join(PLAN_UNITS)
    try:
        return {
            unit: {part: _share(value[unit][part]) for part in ("operations", "cost")}
            for unit in PLAN_UNITS
        }
    except (TypeError, KeyError, ValueError):
        raise ValueError(expected) from None


def _rounds(row: dict[str, Any], place: str) -> tuple[int, ...] | None:
    """The round of each time; they never go down."""
    rounds = _optional(row, "rounds", _whole_numbers, place)
    times = len(_entry(row, "milliseconds", list, place))
    if rounds is not None and len(rounds) != times:
        raise UserError(f"{place}: {len(rounds)} entries in 'rounds' for {times} times")
    return rounds


def _whole_numbers(value: Any) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(type(number) is int for number in value)
    if not whole or any(number < 0 for number in value) or value != sorted(value):
        raise ValueError("a list of round numbers from 0 up")
    return tuple(value)


def _times(row: dict[str, Any], place: str) -> Iterator[float]:
    values = _entry(row, "milliseconds", list, place)
    if not values:
        raise UserError(f"{place}: 'milliseconds' is empty")
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < LONGEST_MS:
            raise UserError(
                f"{place}: a time of {value!r} ms, not between 0 and {LONGEST_MS:.0f} ms"
            )
        yield float(value)


def _check(row: DeviceRow, place: str) -> None:
    if row.compute_unit not in COMPUTE_UNITS:
        raise UserError(
            f"{place}: unknown compute unit {row.compute_unit!r}; {', '.join(COMPUTE_UNITS)}"
        )
    if row.framework not in FRAMEWORKS:
        raise UserError(f"{place}: unknown framework {row.framework!r}; {', '.join(FRAMEWORKS)}")
    for state in (row.thermal_state_before, row.thermal_state):
        if state not in THERMAL_STATES:
            raise UserError(
                f"{place}: unknown thermal state {state!r}; {', '.join(THERMAL_STATES)}"
            )
    if not 1 <= row.length <= LONGEST_INPUT:
        raise UserError(f"{place}: a length of {row.length} tokens cannot be")
    if not 0 <= row.memory_bytes <= MOST_MEMORY:
        raise UserError(f"{place}: a memory of {row.memory_bytes} bytes cannot be")
    if row.warm_up < 0:
        raise UserError(f"{place}: {row.warm_up} warm-up runs cannot be")
