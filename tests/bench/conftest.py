"""Small data sets of our own in the official formats, and a result of `bench.measuring.turns`."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.results import Machine, Measurements, Ratio, Row
from bench.reporting.comparison import Comparison


@pytest.fixture
def data(tmp_path: Path, passages: list[str], squad_file: Path) -> Path:
    """A folder with ``glue/STS-B/dev.tsv`` and ``squad/dev-v1.1.json.gz``."""
    folder = tmp_path / "data"
    (folder / "glue" / "STS-B").mkdir(parents=True)
    (folder / "squad").mkdir()
    header = (
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore"
    )
    sentences = [
        part.strip() for passage in passages for part in passage.split(".") if part.strip()
    ]
    lines = [
        f"{i}\tnone\tnone\t0\t{i}\tnone\tnone\t{first}\t{second}\t2.5"
        for i, (first, second) in enumerate(pairwise(sentences))
    ]
    (folder / "glue" / "STS-B" / "dev.tsv").write_text("\n".join([header, *lines]) + "\n")
    (folder / "squad" / "dev-v1.1.json.gz").write_bytes(gzip.compress(squad_file.read_bytes()))
    return folder


@pytest.fixture
def device_file(tmp_path: Path) -> Path:
    """Two models on one phone; the second takes half the time of the first."""

    def row(model: str, scale: float) -> dict[str, Any]:
        return {
            "model": model,
            "quantization": "int8",
            "layout": "ane",
            "random_weights": False,
            "compute_unit": "cpuAndNeuralEngine",
            "length": 128,
            "warm_up": 2,
            "milliseconds": [scale * (1 + 0.01 * (i % 5)) for i in range(30)],
            "memory_bytes": 70_000_000,
            "thermal_state_before": "nominal",
            "thermal_state": "fair",
        }

    path = tmp_path / "phone.json"
    path.write_text(
        json.dumps(
            {
                "schema": "distilkit.device",
                "version": 1,
                "device": "iPhone0,0",
                "os": "iOS 0.0",
                "app": "1.0",
                "rows": [row("teacher", 8.0), row("student", 4.0)],
            }
        )
    )
    return path


@pytest.fixture
def result() -> Comparison:
    """A result with two models, one of unknown interval, and a name that HTML must escape."""

    def row(model: str, median: float, **entries: Any) -> Row:
        known = Row(
            model=model,
            random_weights=False,
            parameters=66_000_000,
            size_mb=265.0,
            runtime="onnxruntime",
            workload="fixed:128",
            inputs=1,
            inputs_without_limit=1,
            inferences=20,
            median_ms=median,
            median_interval_ms=None,
            p90_ms=median * 1.1,
            p99_ms=median * 1.2,
            pass_s=median / 1000,
            tokenization_ms=None,
            memory_mb=512.0,
            accuracy=None,
        )
        return replace(known, **entries)

    def ratio(low: float | None, high: float | None) -> Ratio:
        return Ratio(
            baseline="bert",
            model="<b>&student",
            runtime="onnxruntime",
            workload="fixed:128",
            ratio=2.0,
            low=low,
            high=high,
            baseline_runtime="onnxruntime",
            baseline_workload="fixed:128",
        )

    machine = Machine(
        cpu="a CPU",
        flags=("avx2",),
        cores=2,
        threads=2,
        memory_gb=8.0,
        load=0.0,
        system="Linux",
        python="3.11",
        versions={"torch": "2.13.0"},
    )
    rows = (
        row("bert", 100.0, random_weights=True, parameters=109_000_000, size_mb=436.0),
        row("<b>&student", 50.0, accuracy={"f1": 86.9}),
    )
    left_out = ("bert in openvino: openvino is not installed",)
    ratios = (ratio(1.9, 2.1), ratio(None, None))
    return Comparison(Measurements(machine, rows, ratios, left_out))
