"""Every runtime computes the same model: what is timed is what a user would get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from bench.measuring.memory import peak_memory, resident_peak
from bench.runtimes.contenders import Model, open_model
from bench.runtimes.core_ml import package_lengths
from bench.runtimes.registry import (
    RUNTIMES,
    Unavailable,
    _module,
    check,
    folder_of,
    load,
    parse_runtimes,
    prepare,
)
from bench.runtimes.workloads import Inputs, Source, load_workloads
from distill.console.errors import UserError

LENGTH = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="module")
def model(minilm_directory: Path) -> Model:
    return open_model("minilm")


@pytest.fixture(scope="module")
def student() -> Model:
    """Small: quick to compile and to export."""
    return open_model("qa-mini")


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    (workload,) = load_workloads(f"fixed:{LENGTH}", Source(vocabulary=8000))
    return workload.inputs[0]


@pytest.fixture(scope="module")
def reference(model: Model, folder: Path, inputs: Inputs) -> np.ndarray:
    """The hidden states of `transformers`, (1, length, width)."""
    output: Any = run("torch", model, folder, inputs)
    states: np.ndarray = output.last_hidden_state.numpy()
    return states


def run(name: str, model: Model, folder: Path, inputs: Inputs) -> Any:
    return load(prepare(name, model, (LENGTH,), folder), 1)(inputs)


def embedding(states: np.ndarray) -> np.ndarray:
    mean = states.mean(axis=1)
    normal: np.ndarray = mean / np.linalg.norm(mean)
    return normal


@pytest.mark.parametrize(
    ("name", "least"),
    [("onnxruntime", 0.99999), ("onnxruntime-int8", 0.98), ("coreml-sim", 0.9999)],
)
@pytest.mark.slow
def test_the_kits_runtimes_embed_as_transformers_does(
    name: str, least: float, model: Model, folder: Path, inputs: Inputs, reference: np.ndarray
) -> None:
    output = run(name, model, folder, inputs)
    found = next(iter(output.values())) if isinstance(output, dict) else output[0]
    assert float(found[0] @ embedding(reference)[0]) > least


@pytest.mark.parametrize("name", ["onnxruntime-plain", "openvino", "torch-compile"])
@pytest.mark.slow
def test_peers_give_the_hidden_states_of_transformers(
    name: str, student: Model, folder: Path, inputs: Inputs
) -> None:
    try:
        output = run(name, student, folder, inputs)
    except Unavailable as reason:
        pytest.skip(str(reason))
    states = output.last_hidden_state.numpy() if name == "torch-compile" else output[0]
    wanted: Any = run("torch", student, folder, inputs)
    assert np.abs(states - wanted.last_hidden_state.numpy()).max() < 1e-3


@pytest.mark.slow
def test_the_quantized_file_of_a_peer_is_smaller(student: Model, folder: Path) -> None:
    plain, int8 = (
        prepare(name, student, (LENGTH,), folder).size
        for name in ("onnxruntime-plain", "onnxruntime-plain-int8")
    )
    assert plain and int8
    assert int8 < 0.35 * plain


def test_a_prepared_file_is_not_made_twice(model: Model, folder: Path) -> None:
    first = Path(prepare("onnxruntime", model, (LENGTH,), folder).source)
    before = first.stat().st_mtime_ns
    assert Path(prepare("onnxruntime", model, (8, 16), folder).source) == first
    assert first.stat().st_mtime_ns == before


def test_an_onnx_file_runs_as_it_is(
    model: Model, folder: Path, inputs: Inputs, reference: np.ndarray
) -> None:
    path = prepare("onnxruntime", model, (LENGTH,), folder).source
    output = run("onnxruntime", open_model(path), folder, inputs)
    assert float(output[0][0] @ embedding(reference)[0]) > 0.99999


def test_peak_memory_is_that_of_a_process_of_its_own(model: Model, folder: Path) -> None:
    """Far below this test's own, which has torch and several models in it."""
    torch.ones(1)
    prepared = prepare("onnxruntime", model, (LENGTH,), folder)
    assert prepared.size
    peak = peak_memory(prepared, LENGTH, 1, model.vocabulary)
    assert peak is not None
    assert prepared.size / 1e6 < peak < resident_peak()


@pytest.mark.slow
def test_peak_memory_of_a_file_named_from_another_folder(
    student: Model, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(prepare("onnxruntime", student, (LENGTH,), folder).source)
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    prepared = prepare("onnxruntime", open_model(path.name), (LENGTH,), folder)
    assert peak_memory(prepared, LENGTH, 1, student.vocabulary) is not None


def test_models_whose_names_look_alike_have_folders_of_their_own(
    student: Model, tmp_path: Path
) -> None:
    names = ("a b", "a_b", "a/b", "a%20b", "..")
    folders = {folder_of(replace(student, name=name), tmp_path) for name in names}
    assert len(folders) == len(names) == len(list(tmp_path.iterdir()))


def test_a_process_that_fails_has_no_peak(model: Model, folder: Path, tmp_path: Path) -> None:
    prepared = prepare("onnxruntime", model, (LENGTH,), folder)
    missing = replace(prepared, source=str(tmp_path / "gone.onnx"))
    assert peak_memory(missing, LENGTH, 1, model.vocabulary) is None


def test_the_size_of_an_onnx_file_is_that_of_its_weights_too(tmp_path: Path) -> None:
    """`torch.onnx.export` writes them beside the file."""
    path = tmp_path / "model.onnx"
    weights = onnx.numpy_helper.from_array(np.zeros(5000, np.float32), "weights")
    graph = onnx.helper.make_graph([], "apart", [], [], [weights])
    onnx.save(onnx.helper.make_model(graph), path, save_as_external_data=True, location="data")
    assert path.stat().st_size < 1000
    for name in ("onnxruntime", "openvino"):
        assert _module(name).prepare(name, open_model(str(path)), (8,), tmp_path).size > 20_000


def test_a_broken_onnx_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"broken\.onnx"):
        run("onnxruntime", open_model(str(path)), tmp_path, {})


def test_what_cannot_run_says_why(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="above its 512"):
        check("onnxruntime", model, [513])
    with pytest.raises(Unavailable, match="runs in torch"):
        check("onnxruntime", open_model("elmo"), [8])
    monkeypatch.setattr("platform.system", lambda: "Linux")
    with pytest.raises(Unavailable, match="Mac"):
        check("coreml", model, [8])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="openvino is not installed"):
        check("openvino", model, [8])


def test_torch_compile_without_a_compiler_is_left_out(
    student: Model, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(Unavailable, match="compiler"):
        load(prepare("torch-compile", student, (LENGTH,), folder), 1)


def test_runtimes_are_parsed_once_each() -> None:
    assert set(RUNTIMES) >= {"torch", "torch-compile", "openvino", "coreml-sim", "coreml"}
    assert parse_runtimes("torch, onnxruntime,torch") == ["torch", "onnxruntime"]
    for text in ("onnx", "torch,onnx", ",", ""):
        with pytest.raises(UserError, match="onnxruntime-int8"):
            parse_runtimes(text)


def test_packages_have_few_lengths() -> None:
    assert package_lengths((32, 128), 512) == (32, 128)
    assert package_lengths((9, 11, 20, 33, 70), 512) == (16, 32, 64, 128)
    assert package_lengths(tuple(range(100, 385)), 512) == (128, 256, 384)


def test_no_input_is_cut_to_a_package_of_a_short_model() -> None:
    assert package_lengths((9, 11, 20, 33, 70), 100) == (16, 32, 64, 100)
