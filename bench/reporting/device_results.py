"""Results that a phone measured: the schema that the demo app writes, checked when read.

One JSON object; `device_schema.md` beside this file describes each entry. Version 2 has the round
of each time, since the app measures in turns; version 1 measured one model after the other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.reporting.device_entries import (
    MOST_MEMORY,
    RESHAPE_FREQUENCIES,
    STRATEGIES,
    THERMAL_STATES,
    byte_count,
    checks,
    compute_plan,
    entry,
    flag,
    milliseconds,
    one_of,
    optional,
    rounds,
    share,
    sustained,
    times,
)
from distill.console.bounded_files import read_bounded
from distill.console.errors import UserError

SCHEMA = "distilkit.device"
VERSIONS = (1, 2)
COMPUTE_UNITS = ("all", "cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine")
LONGEST_INPUT = 1 << 20
FRAMEWORKS = ("coreml", "coreai")


@dataclass(frozen=True)
class DeviceRow:
    """Single predictions of one model on one compute unit at one length.

    ``milliseconds`` are in the order they were taken, tokenization excluded, and ``rounds`` the
    round of each (None in version 1); ``memory_bytes`` is the app's memory after them. A
    ``control`` is the first model measured a second time. ``compute_plan`` holds shares from 0 to
    1 of the operations and of their cost on each unit; ``sustained`` the windows of a run without
    a pause.
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
    reshape_frequency: str | None = None
    specialization_strategy: str | None = None
    checks: dict[str, Any] | None = None
    sustained: dict[str, Any] | None = None

    def as_json(self) -> dict[str, object]:
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
    def slowdown(self) -> float | None:
        """Of a sustained run: the median of its last window / that of its first."""
        windows = self.sustained["windows"] if self.sustained else []
        if len(windows) < 2 or not windows[0]["median_ms"]:
            return None
        return float(windows[-1]["median_ms"] / windows[0]["median_ms"])

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
        "device": entry(stored, "device", str, str(path)),
        "os": entry(stored, "os", str, str(path)),
    }
    found = [_row(row, general, f"{path}, row {number}") for number, row in enumerate(rows, 1)]
    seen: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(found, 1):
        first = seen.setdefault((row.model, row.framework, row.control, *row.place), number)
        if first != number:
            raise UserError(f"{path}, row {number}: measures the same as row {first}")
    return found


def _read(path: Path) -> dict[str, object]:
    try:
        stored = json.loads(read_bounded(path))
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


def _row(row: object, general: dict[str, str], place: str) -> DeviceRow:
    if not isinstance(row, dict):
        raise UserError(f"{place}: not an object")
    result = DeviceRow(
        **general,
        model=entry(row, "model", str, place),
        quantization=entry(row, "quantization", str, place, "none"),
        layout=entry(row, "layout", str, place, "standard"),
        random_weights=entry(row, "random_weights", bool, place, False),
        compute_unit=entry(row, "compute_unit", str, place),
        length=entry(row, "length", int, place),
        warm_up=entry(row, "warm_up", int, place, 0),
        milliseconds=tuple(times(row, place)),
        memory_bytes=entry(row, "memory_bytes", int, place),
        thermal_state_before=entry(row, "thermal_state_before", str, place, "nominal"),
        thermal_state=entry(row, "thermal_state", str, place),
        rounds=rounds(row, place),
        control=entry(row, "control", bool, place, False),
        framework=entry(row, "framework", str, place, "coreml"),
        compile_ms=optional(row, "compile_ms", milliseconds, place),
        load_ms=optional(row, "load_ms", milliseconds, place),
        first_prediction_ms=optional(row, "first_prediction_ms", milliseconds, place),
        package_bytes=optional(row, "package_bytes", byte_count, place),
        peak_memory_bytes=optional(row, "peak_memory_bytes", byte_count, place),
        low_power=optional(row, "low_power", flag, place),
        battery_level=optional(row, "battery_level", share, place),
        charging=optional(row, "charging", flag, place),
        compute_plan=optional(row, "compute_plan", compute_plan, place),
        reshape_frequency=optional(row, "reshape_frequency", one_of(*RESHAPE_FREQUENCIES), place),
        specialization_strategy=optional(
            row, "specialization_strategy", one_of(*STRATEGIES), place
        ),
        checks=optional(row, "checks", checks, place),
        sustained=optional(row, "sustained", sustained, place),
    )
    _check(result, place)
    return result


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
        raise UserError(f"{place}: a length of {row.length} tokens is impossible")
    if not 0 <= row.memory_bytes <= MOST_MEMORY:
        raise UserError(f"{place}: a memory of {row.memory_bytes} bytes is impossible")
    if row.checks is not None and not row.checks["passed"]:
        difference = row.checks["difference"]
        off = "missing or not finite" if difference is None else f"off by {difference:.1%}"
        raise UserError(
            f"{place}: {row.model} does not compute on the phone what it computed at its export "
            f"(an output is {off}), so its times mean nothing"
        )
    if row.warm_up < 0:
        raise UserError(f"{place}: {row.warm_up} warm-up runs are impossible")
