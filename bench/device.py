"""Results that a phone measured: the schema that the demo app writes, checked when read.

Version 1, one JSON object:

    {"schema": "distilkit.device", "version": 1,
     "device": "iPhone15,2", "os": "iOS 18.1", "app": "1.0",
     "rows": [{"model": "qa-mini", "compute_unit": "cpuAndNeuralEngine", "length": 128,
               "warm_up": 5, "milliseconds": [3.4, 3.5, ...],
               "memory_bytes": 71000000, "thermal_state": "nominal"}]}

``milliseconds`` are single predictions in the order they were taken, tokenization excluded.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import BenchError

SCHEMA = "distilkit.device"
VERSION = 1
COMPUTE_UNITS = ("all", "cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine")
THERMAL_STATES = ("nominal", "fair", "serious", "critical")
LONGEST_MS = 600_000.0


@dataclass(frozen=True)
class DeviceRow:
    """Single predictions of one model on one compute unit at one length."""

    device: str
    os: str
    model: str
    compute_unit: str
    length: int
    milliseconds: tuple[float, ...]
    memory_bytes: int
    thermal_state: str


def read_device_results(path: Path) -> list[DeviceRow]:
    """Read and check a results file.

    Raises:
        BenchError: no such file, another schema or version, or impossible numbers; says where.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"{path}: no such file") from None
    except ValueError as error:
        raise BenchError(f"{path}: not JSON ({error})") from None
    if not isinstance(stored, dict) or stored.get("schema") != SCHEMA:
        raise BenchError(f"{path}: not a results file of the app (schema {SCHEMA!r} is missing)")
    if stored.get("version") != VERSION:
        raise BenchError(f"{path}: version {stored.get('version')}, this kit reads {VERSION}")
    rows = stored.get("rows")
    if not isinstance(rows, list) or not rows:
        raise BenchError(f"{path}: holds no row")
    return [_row(stored, row, f"{path}, row {number}") for number, row in enumerate(rows, 1)]


def _row(stored: dict[str, Any], row: Any, place: str) -> DeviceRow:
    try:
        result = DeviceRow(
            device=str(stored["device"]),
            os=str(stored["os"]),
            model=str(row["model"]),
            compute_unit=str(row["compute_unit"]),
            length=int(row["length"]),
            milliseconds=tuple(float(value) for value in row["milliseconds"]),
            memory_bytes=int(row["memory_bytes"]),
            thermal_state=str(row["thermal_state"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(f"{place}: {type(error).__name__}: {error}") from None
    if result.compute_unit not in COMPUTE_UNITS:
        raise BenchError(f"{place}: unknown compute unit {result.compute_unit!r}")
    if result.thermal_state not in THERMAL_STATES:
        raise BenchError(f"{place}: unknown thermal state {result.thermal_state!r}")
    if result.length < 1 or result.memory_bytes < 0 or not result.milliseconds:
        raise BenchError(f"{place}: a length, memory or number of times that cannot be")
    if not all(math.isfinite(t) and 0 < t < LONGEST_MS for t in result.milliseconds):
        raise BenchError(f"{place}: a time that is not between 0 and {LONGEST_MS:.0f} ms")
    return result
