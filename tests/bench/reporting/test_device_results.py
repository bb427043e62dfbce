from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.reporting.comparison import device_ratios
from bench.reporting.device_entries import THERMAL_STATES
from bench.reporting.device_results import COMPUTE_UNITS, read_device_results
from distill.console.errors import UserError

APP = Path(__file__).parents[3] / "ios_app"
GOLDEN = APP / "Tests" / "TextModelsTests" / "Golden" / "report.json"


def test_a_results_file_is_read(device_file: Path) -> None:
    teacher, student = read_device_results(device_file)
    assert (teacher.model, student.model) == ("teacher", "student")
    assert student.place == ("iPhone0,0", "cpuAndNeuralEngine", 128)
    assert len(student.milliseconds) == 30
    assert (student.thermal_state_before, student.thermal_state) == ("nominal", "fair")


def test_the_apps_own_golden_file_is_read() -> None:
    """The Swift tests write this file from the app's types."""
    if not GOLDEN.is_file():
        pytest.skip("the app's golden file is not in this checkout")
    (row,) = read_device_results(GOLDEN)
    assert row.compute_unit in COMPUTE_UNITS
    assert row.thermal_state in THERMAL_STATES
    assert row.rounds == (0, 1)
    assert (row.load_ms, row.battery_level, row.low_power) == (31.25, 0.75, False)
    assert row.compute_plan is not None
    assert row.compute_plan["neural_engine"] == {"operations": 0.75, "cost": 0.875}
    hints = (row.reshape_frequency, row.specialization_strategy)
    assert hints == ("infrequent", "fast_prediction")
    assert row.checks == {"count": 3, "difference": 0.0078125, "passed": True}
    assert row.sustained is not None
    assert [window["thermal_state"] for window in row.sustained["windows"]] == [
        "nominal",
        "serious",
    ]
    assert row.slowdown == 2


def test_entries_that_label_may_be_left_out(device_file: Path) -> None:
    stored = json.loads(device_file.read_text())
    for row in stored["rows"]:
        for name in ("quantization", "layout", "random_weights", "warm_up", "thermal_state_before"):
            del row[name]
    device_file.write_text(json.dumps(stored))
    row = read_device_results(device_file)[0]
    assert (row.quantization, row.layout, row.warm_up) == ("none", "standard", 0)


def window(**entries: Any) -> dict[str, Any]:
    sound = {"start_s": 0, "predictions": 1, "median_ms": 2, "p90_ms": 3, "thermal_state": "fair"}
    return {"seconds": 5, "windows": [{**sound, **entries}]}


def change(**entries: Any) -> Callable[[dict[str, Any]], None]:
    return lambda stored: stored["rows"][1].update(entries)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: s.update(version=3), "version 3"),
        (lambda s: s.update(version=True), "version True"),
        (lambda s: s.update(version="1"), "version '1'"),
        (lambda s: s.update(schema="other"), "not a results file"),
        (lambda s: s.update(rows=[]), "no rows"),
        (lambda s: s.pop("rows"), "no rows"),
        (lambda s: s.pop("device"), "'device' is missing"),
        (lambda s: s["rows"].append(3), "row 3: not an object"),
        (lambda s: s["rows"].append(s["rows"][0]), "row 3: measures the same as row 1"),
        (lambda s: s["rows"][1].pop("length"), "row 2: 'length' is missing"),
        (change(length="128"), "'length' is '128'"),
        (change(length=True), "'length' is True"),
        (change(length=0), "length of 0"),
        (change(length=10**12), "is impossible"),
        (change(milliseconds=[]), "empty"),
        (change(milliseconds=[3.0, 0]), "0 ms"),
        (change(milliseconds=[-1.5]), "-1.5 ms"),
        (change(milliseconds=[float("nan")]), "nan ms"),
        (change(milliseconds=[float("inf")]), "inf ms"),
        (change(milliseconds=[1e9]), "1000000000.0 ms"),
        (change(milliseconds=[10**400]), "ms, not between"),
        (change(milliseconds=["3"]), "'3' ms"),
        (change(milliseconds=3), "not of type list"),
        (change(memory_bytes=-1), "memory of -1"),
        (change(memory_bytes=1 << 60), "is impossible"),
        (change(warm_up=-1), "-1 warm-up"),
        (change(compute_unit="gpu"), "compute unit 'gpu'"),
        (change(thermal_state="hot"), "thermal state 'hot'"),
        (change(model=None), "'model' is missing"),
        (change(rounds=[0]), "1 entries in 'rounds' for 30 times"),
        (change(rounds=[1, 0] * 15), "round numbers"),
        (change(rounds=[0.5] * 30), "round numbers"),
        (change(rounds=3), "round numbers"),
        (change(control=1), "'control' is 1"),
        (change(framework="onnx"), "framework 'onnx'"),
        (change(load_ms=-1), "'load_ms' is -1"),
        (change(load_ms=float("nan")), "'load_ms' is nan"),
        (change(package_bytes=1.5), "whole number of bytes"),
        (change(battery_level=80), "between 0 and 1"),
        (change(low_power="no"), "true or false"),
        (change(compute_plan={"cpu": 1}), "shares of operations"),
        (change(compute_plan=[1]), "shares of operations"),
        (change(reshape_frequency="often"), "one of frequent, infrequent"),
        (change(specialization_strategy=1), "one of default, fast_prediction"),
        (change(checks={"count": 3}), "checks with count"),
        (change(checks={"count": 0, "passed": True}), "checks with count"),
        (change(checks={"count": 3, "passed": False, "difference": 0.125}), "off by 12.5%"),
        (change(checks={"count": 3, "passed": False}), "missing or not finite"),
        (change(sustained={"seconds": 5, "windows": []}), "windows"),
        (change(sustained=window(thermal_state="hot")), "windows"),
        (change(sustained=window(median_ms=-1)), "windows"),
    ],
)
def test_impossible_files_are_refused_with_their_place(
    device_file: Path, spoil: Callable[[dict[str, Any]], object], said: str
) -> None:
    stored = json.loads(device_file.read_text())
    spoil(stored)
    device_file.write_text(json.dumps(stored))
    with pytest.raises(UserError, match=r"phone\.json") as refused:
        read_device_results(device_file)
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000])
def test_json_that_is_not_an_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "phone.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"phone\.json"):
        read_device_results(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_device_results(tmp_path / "nothing.json")


def test_rows_hold_percentiles_and_ratios_the_interval(device_file: Path) -> None:
    rows = read_device_results(device_file)
    (ratio,) = device_ratios(rows)
    assert (ratio.baseline, ratio.model) == ("teacher", "student")
    assert ratio.low <= ratio.ratio <= ratio.high
    assert ratio.ratio == pytest.approx(2.0)
    written = rows[0].as_json()
    assert written["median_ms"] == pytest.approx(np.median(rows[0].milliseconds))
    assert written["median_ms"] <= written["p90_ms"] <= written["p99_ms"]
    assert "milliseconds" not in written


def test_ratio_of_times_in_turns_is_taken_by_round(device_file: Path) -> None:
    """The device slows down threefold over 30 rounds: paired rounds do not mind."""
    stored = json.loads(device_file.read_text())
    stored["version"] = 2
    for row in stored["rows"]:
        row["milliseconds"] = [t * (1 + 0.07 * i) for i, t in enumerate(row["milliseconds"])]
        row["rounds"] = list(range(30))
    device_file.write_text(json.dumps(stored))
    (by_round,) = device_ratios(read_device_results(device_file))
    assert by_round.low == pytest.approx(2.0)
    assert by_round.high == pytest.approx(2.0)
    for row in stored["rows"]:
        del row["rounds"]
    device_file.write_text(json.dumps(stored))
    (unpaired,) = device_ratios(read_device_results(device_file))
    assert unpaired.high - unpaired.low > 0.3


def test_control_is_a_row_of_its_own(device_file: Path) -> None:
    stored = json.loads(device_file.read_text())
    stored["rows"].append({**stored["rows"][0], "control": True})
    device_file.write_text(json.dumps(stored))
    ratios = device_ratios(read_device_results(device_file))
    assert [row.model for row in ratios] == ["student", "teacher (control)"]
    assert ratios[1].ratio == 1


def test_both_frameworks_of_a_model_are_compared(device_file: Path) -> None:
    stored = json.loads(device_file.read_text())
    stored["rows"].append({**stored["rows"][0], "framework": "coreai"})
    device_file.write_text(json.dumps(stored))
    ratio = device_ratios(read_device_results(device_file))[1]
    assert (ratio.baseline, ratio.model) == ("teacher", "teacher")
    assert ratio.baseline_runtime == "iPhone0,0 cpuAndNeuralEngine"
    assert ratio.runtime == "iPhone0,0 coreai cpuAndNeuralEngine"


def test_a_sustained_run_is_in_the_table(device_file: Path) -> None:
    stored = json.loads(device_file.read_text())
    windows = [window(start_s=10 * i, median_ms=4 + i)["windows"][0] for i in range(3)]
    stored["rows"][1]["sustained"] = {"seconds": 30, "windows": windows}
    device_file.write_text(json.dumps(stored))
    rows = read_device_results(device_file)
    assert [row.slowdown for row in rows] == [None, 1.5]
