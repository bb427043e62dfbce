from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from bench import compare
from bench.compare import main
from bench.measuring import timing
from bench.measuring import turns as measure
from bench.runtimes import contenders as models
from bench.runtimes import workloads
from bench.runtimes.registry import Unavailable
from distill.console.errors import UserError
from export.simulator.errors import SimulatorError

QUICK = ["--seconds", "0.05", "--threads", "1", "--no-memory"]
SMALL = ["minilm", "qa-mini", "--runtime", "torch", "--workload", "fixed:8", *QUICK]


def run(arguments: list[str], tmp_path: Path, status: int = 0) -> dict[str, Any]:
    path = tmp_path / "result.json"
    assert main([*arguments, "--save-json", str(path)]) == status
    result: dict[str, Any] = json.loads(path.read_text())
    return result


def test_rows_and_ratios_of_two_models(
    minilm_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(SMALL, tmp_path)
    assert [(row["model"], row["workload"]) for row in result["rows"]] == [
        ("minilm", "fixed:8"),
        ("qa-mini", "fixed:8"),
    ]
    for row in result["rows"]:
        assert 0 < row["median_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["inferences"] >= 10
        assert row["size_mb"] == pytest.approx(4 * row["parameters"] / 1e6)
    (ratio,) = result["ratios"]
    wanted = {"baseline": "minilm", "model": "qa-mini", "runtime": "torch", "workload": "fixed:8"}
    assert wanted.items() <= ratio.items()
    medians = [row["median_ms"] for row in result["rows"]]
    assert ratio["ratio"] == pytest.approx(medians[0] / medians[1])
    assert ratio["low"] <= ratio["ratio"] <= ratio["high"]
    assert result["machine"]["threads"] == 1
    assert result["machine"]["versions"]["torch"]
    printed = capsys.readouterr().out
    assert "minilm / qa-mini" in printed
    assert "torch 2." in printed


def test_every_file_is_written(minilm_directory: Path, tmp_path: Path, device_file: Path) -> None:
    page, plot = tmp_path / "page.html", tmp_path / "plot.png"
    options = ["--html", str(page), "--plot", str(plot), "--device", str(device_file)]
    result = run([*SMALL, *options], tmp_path)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "Measured on a phone" in page.read_text()
    assert [row["model"] for row in result["device"]] == ["teacher", "student"]
    runtimes = [ratio["runtime"] for ratio in result["ratios"]]
    assert runtimes == ["torch", "iPhone0,0 cpuAndNeuralEngine"]


def test_real_text_and_padding(minilm_directory: Path, tmp_path: Path, data: Path) -> None:
    options = ["--workload", "stsb", "--data", str(data), "--limit", "6", "--padding"]
    result = run(["qa-mini", "--runtime", "torch", *options, *QUICK], tmp_path)
    bucketed, padded = result["rows"]
    assert (bucketed["inputs"], bucketed["inferences"] >= 10) == (6, True)
    assert bucketed["tokenization_ms"] > 0
    assert padded["workload"].startswith("stsb padded to ")
    (ratio,) = result["ratios"]
    assert ratio["baseline_workload"] == padded["workload"]
    assert ratio["model"] == ratio["baseline"] == "qa-mini"


@pytest.mark.slow
def test_the_kit_is_compared_with_its_peers(minilm_directory: Path, tmp_path: Path) -> None:
    runtimes = ["--peers", "--runtime", "onnxruntime,torch"]
    result = run(["qa-mini", *runtimes, "--workload", "fixed:8", *QUICK], tmp_path)
    (ratio,) = result["ratios"]
    assert (ratio["baseline_runtime"], ratio["runtime"]) == ("torch", "onnxruntime")
    medians = {row["runtime"]: row["median_ms"] for row in result["rows"]}
    assert ratio["ratio"] == pytest.approx(medians["torch"] / medians["onnxruntime"])


@pytest.mark.slow
def test_peak_memory_stands_in_the_row(minilm_directory: Path, tmp_path: Path) -> None:
    arguments = [part for part in SMALL if part not in ("--no-memory", "minilm")]
    (row,) = run(arguments, tmp_path)["rows"]
    assert row["memory_mb"] > row["size_mb"]


def test_a_runtime_that_is_not_here_is_left_out(
    minilm_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    arguments = [*SMALL]
    arguments[arguments.index("torch")] = "coreml,torch"
    result = run(arguments, tmp_path)
    assert {row["runtime"] for row in result["rows"]} == {"torch"}
    assert len(result["left_out"]) == 2
    assert "left out: minilm in coreml: Core ML runs on a Mac only" in capsys.readouterr().out


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_prints_what_was_measured(
    minilm_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    by: signal.Signals,
) -> None:
    turns, turn = iter(range(100)), timing.Clock.turn

    def interrupted(clock: timing.Clock) -> None:
        if next(turns) == 4:
            os.kill(os.getpid(), by)
        turn(clock)

    monkeypatch.setattr(timing.Clock, "turn", interrupted)
    arguments = [*SMALL, "--workload", "fixed:16"]
    # A shell that runs the tests in the background has them ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = run(arguments, tmp_path, status=130)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [(row["workload"], row["inferences"]) for row in result["rows"]] == [("fixed:8", 4)] * 2
    assert len(result["ratios"]) == 1
    assert result["interrupted"]
    assert "interrupted: the tables hold" in capsys.readouterr().out


@pytest.mark.parametrize("error", [UserError("no room"), SimulatorError("no room")])
def test_an_error_on_the_way_prints_what_was_measured(
    error: Exception,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare = measure.prepare

    def spoiled(name: str, *arguments: Any) -> Any:
        if name == "onnxruntime":
            raise error
        return prepare(name, *arguments)

    monkeypatch.setattr(measure, "prepare", spoiled)
    arguments = ["qa-mini", "--runtime", "torch,onnxruntime", "--workload", "fixed:8", *QUICK]
    (row,) = run(arguments, tmp_path, status=2)["rows"]
    assert row["runtime"] == "torch"
    printed = capsys.readouterr()
    assert "qa-mini" in printed.out
    assert printed.err.splitlines()[-1] == "error: no room"


def test_a_model_that_fails_while_it_is_timed_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise Unavailable("it cannot run 9 tokens")

    monkeypatch.setattr(timing.Clock, "run", fails)
    assert main(["qa-mini", "--runtime", "torch", "--workload", "fixed:8", *QUICK]) == 2
    assert "error: it cannot run 9 tokens" in capsys.readouterr().err


def test_published_figures_come_only_when_asked_for(
    result: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.reporting.tables import print_tables

    print_tables(result, published=False)
    assert "668" not in capsys.readouterr().out
    print_tables(result, published=True)
    printed = capsys.readouterr().out
    assert "not measured here" in printed
    for figure, source in (
        ("668 s", "1910.01108"),
        ("1.118 s", "swift-coreml"),
        ("3.47 ms", "Apple"),
    ):
        assert any(figure in line and source in line for line in printed.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["brt"], "unknown model 'brt'"),
        (["minilm", "--runtime", "onnx"], "unknown runtime 'onnx'"),
        (["minilm", "--workload", "imdb"], "unknown workload 'imdb'"),
        (["minilm", "--seconds", "0"], "--seconds"),
        (["minilm", "--limit", "-1"], "--limit"),
        (["minilm", "--padding"], "--padding needs"),
        (["minilm", "--data", "nowhere"], "--data is for --workload stsb or squad"),
        (["minilm", "--threads", "0"], "--threads 0 is not possible"),
        (["minilm", "--threads", "4096"], "--threads 4096 is not possible"),
        (["minilm", "--device", "nowhere.json"], "no such file"),
        (["nowhere.mlpackage"], "unknown model"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    minilm_directory: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert len(printed.strip().splitlines()) == 1


def test_broken_files_are_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "broken.mlpackage"
    package.mkdir()
    (tmp_path / "model.json").write_text(
        json.dumps({"package": "broken.mlpackage", "task": "embed", "lengths": [8], "inputs": []})
    )
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"no model")
    for path, runtime in ((package, "coreml-sim"), (file, "onnxruntime")):
        assert main([str(path), "--runtime", runtime, "--workload", "fixed:8", *QUICK]) == 2
        printed = capsys.readouterr().err
        assert "broken" in printed
        assert "Traceback" not in printed


@pytest.mark.slow
def test_a_file_for_another_length_is_left_out_and_the_rest_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids, out = (
        helper.make_tensor_value_info(name, TensorProto.INT64, (1, 16))
        for name in ("input_ids", "output")
    )
    node = helper.make_node("Neg", ["input_ids"], ["output"])
    graph = helper.make_graph([node], "fixed", [ids], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "fixed.onnx")
    models = [str(tmp_path / "fixed.onnx"), "qa-mini", "--runtime", "onnxruntime"]
    for length, measured in ((8, ["qa-mini"]), (16, ["fixed", "qa-mini"])):
        rows = run([*models, "--workload", f"fixed:{length}", *QUICK], tmp_path)["rows"]
        assert [row["model"] for row in rows] == measured
        named = "fixed in onnxruntime: it cannot run 8 tokens" in capsys.readouterr().out
        assert named == (length == 8)


def test_real_text_is_tokenized_for_the_smallest_vocabulary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models.open_model("qa-mini")
    assert model.checkpoint is not None
    wider = replace(model.checkpoint.config, vocabulary=119_547)
    large = replace(model, checkpoint=replace(model.checkpoint, config=wider, directory=tmp_path))
    monkeypatch.setattr(models, "open_models", lambda names: [large, model])
    sources: list[Any] = []
    monkeypatch.setattr(
        workloads, "load_workloads", lambda text, source: sources.append(source) or []
    )
    compare.plan(compare.parser().parse_args(["large", "qa-mini", "--workload", "stsb"]))
    assert sources[0].vocabulary == model.vocabulary
    assert sources[0].tokenizer == model.checkpoint.tokenizer_directory


def test_no_room_in_memory_is_said_before_it_is_used(
    minilm_directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    class Full:
        available, total = 1_000_000, 8_000_000_000

    monkeypatch.setattr(psutil, "virtual_memory", lambda: Full)
    assert main(SMALL) == 2
    assert "GB of memory" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "plan", lambda arguments: pytest.fail("measured"))
    assert main(["minilm", "--save-json", str(tmp_path)]) == 2
    (tmp_path / "file").touch()
    assert main(["minilm", "--html", str(tmp_path / "file" / "page.html")]) == 2
    assert main(["minilm", "--plot", "/proc/plot.png"]) == 2  # closed to root, too
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["bench.compare", "bench.cost"])
def test_help_has_an_example_and_does_not_load_torch(command: str) -> None:
    code = (
        f"import sys, runpy; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module({command!r}, run_name='__main__')\n"
        "except SystemExit: print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert f"python -m {command}" in done.stdout
    assert done.stdout.strip().endswith("False False")
