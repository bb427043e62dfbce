"""Attacks on a file of results that a phone measured."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path
from typing import Any

from tests.faults.mutations import VALUES
from tests.faults.names import SEQUENCES, unsafe

PLAN = {unit: {"operations": 0.3, "cost": 0.3} for unit in ("neural_engine", "gpu", "cpu")}
WINDOW = {"start_s": 0, "predictions": 10, "median_ms": 4, "p90_ms": 5, "thermal_state": "nominal"}
HUGE = (10**400, -(10**400), 5e-324, "9" * 5000)


def _row(model: str, scale: float) -> dict[str, Any]:
    return {
        "model": model,
        "quantization": "int8",
        "layout": "ane",
        "random_weights": False,
        "compute_unit": "cpuAndNeuralEngine",
        "length": 128,
        "warm_up": 2,
        "milliseconds": [scale * (1 + 0.01 * (count % 5)) for count in range(30)],
        "rounds": list(range(30)),
        "memory_bytes": 70_000_000,
        "thermal_state_before": "nominal",
        "thermal_state": "fair",
        "battery_level": 0.5,
        "compute_plan": PLAN,
        "checks": {"count": 3, "difference": 0.001, "passed": True},
        "sustained": {"seconds": 60, "windows": [WINDOW, WINDOW]},
    }


def results(folder: Path) -> None:
    general = {"schema": "distilkit.device", "version": 1, "device": "iPhone0,0", "os": "iOS 0.0"}
    content = {**general, "app": "1.0", "rows": [_row("teacher", 8.0), _row("student", 4.0)]}
    folder.mkdir()
    (folder / "phone.json").write_text(json.dumps(content))


def mutated_results(folder: Path, draw: random.Random) -> str | None:
    """Change one value, or the name of an entry, at any depth: a table or one line, without what a
    terminal obeys."""
    from bench.compare import main

    path = folder / "phone.json"
    content = json.loads(path.read_text())
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        for key in list(node)[:40] if isinstance(node, dict) else range(min(len(node), 3)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                visit(node[key])

    visit(content)
    node, key = draw.choice(places)
    value = draw.choice((*VALUES, *HUGE, *SEQUENCES))
    if draw.randrange(5) == 0 and isinstance(node, dict):
        node[draw.choice(SEQUENCES)] = node.pop(key)
    else:
        node[key] = value
    path.write_text(json.dumps(content))
    printed, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(error):
        status = main(["--device", str(path)])
    said = printed.getvalue() + error.getvalue()
    if problem := unsafe(said, value if isinstance(value, str) else ""):
        return f"{key}: {problem}"
    fine = status == 0 or (status == 2 and error.getvalue().count("\n") == 1)
    return None if fine else f"{key}, {value!r:.80}: {status} {said}"
