"""Results that a phone measured: the schema that the demo app writes, checked when read.

Version 1, one JSON object; `device_schema.md` beside this file describes each entry:

    {"schema": "distilkit.device", "version": 1,
     "device": "iPhone15,2", "os": "iOS 18.1", "app": "1.0", "created": "2026-01-31T09:00:00Z",
     "rows": [{"model": "qa-mini", "quantization": "int8", "layout": "ane",
               "random_weights": false, "compute_unit": "cpuAndNeuralEngine", "length": 128,
               "warm_up": 5, "milliseconds": [3.4, 3.5], "memory_bytes": 71000000,
               "thermal_state_before": "nominal", "thermal_state": "nominal"}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from distill.console.errors import UserError

SCHEMA = "distilkit.device"
VERSION = 1
COMPUTE_UNITS = ("all", "cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine")
THERMAL_STATES = ("nominal", "fair", "serious", "critical")
LONGEST_MS = 600_000.0
MOST_MEMORY = 1 << 40
LONGEST_INPUT = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True)
class DeviceRow:
    """Single predictions of one model on one compute unit at one length.

    ``milliseconds`` are in the order they were taken, tokenization excluded; ``memory_bytes`` is
    the app's memory after them.
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
        first = seen.setdefault((row.model, *row.place), number)
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
    if stored.get("version") != VERSION:
        raise UserError(
            f"{path}: version {stored.get('version')!r}, this kit reads {VERSION}; "
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
