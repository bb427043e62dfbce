"""Large constants live in a file beside the graph, and in the graph that is written."""

from __future__ import annotations

import gc
import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from coremltools.converters.mil import Builder as mb

from export.bundle.quiet import quiet
from export.simulator import Simulator, command_line
from tests.export.simulator.programs import convert


def test_a_large_weight_is_in_the_file_and_in_the_graph_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((512, 600)).astype(np.float32)
    bias = random.standard_normal(512).astype(np.float32)
    x = random.standard_normal((3, 600)).astype(np.float32)

    def build(x: Any) -> Any:
        return mb.linear(x=x, weight=weight, bias=bias)

    model = convert(build, [mb.TensorSpec(shape=(3, 600))])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    simulator = Simulator(model)
    (folder,) = tmp_path.glob("simulator-*")
    assert (folder / "weights.bin").stat().st_size == weight.nbytes
    (found,) = simulator.predict({"x": x}).values()
    np.testing.assert_allclose(found, x @ weight.T + bias, rtol=1e-4, atol=1e-4)

    whole = simulator.onnx_model.SerializeToString()
    del simulator
    gc.collect()
    assert not folder.exists()
    (same,) = onnxruntime.InferenceSession(whole).run(None, {"x": x})
    np.testing.assert_allclose(same, found, rtol=1e-5, atol=1e-5)


def test_small_constants_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = convert(lambda x: mb.add(x=x, y=np.float32(1)), [mb.TensorSpec(shape=(2,))])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Simulator(model).predict({"x": np.zeros(2, np.float32)})
    assert not list(tmp_path.glob("simulator-*"))


@pytest.mark.parametrize("fault", ["missing", "a file", "full"])
def test_a_temporary_folder_that_takes_nothing_is_named_in_one_line(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weight = np.ones((512, 600), np.float32)
    model = convert(lambda x: mb.linear(x=x, weight=weight), [mb.TensorSpec(shape=(3, 600))])
    with quiet():
        model.save(str(tmp_path / "model.mlpackage"))
    place = tmp_path / "temporary"
    if fault == "full":
        place.mkdir()
    elif fault == "a file":
        place.write_text("")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(place))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        status = command_line.main(
            ["to-onnx", str(tmp_path / "model.mlpackage"), str(tmp_path / "model.onnx")]
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = capsys.readouterr().err
    assert status == 2 and error.count("\n") == 1
    assert error.startswith("error: ")
    assert f"{place}: the weights cannot be written there" in error
    gc.collect()
    assert not list(place.glob("*"))
