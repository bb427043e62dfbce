"""ONNX files from elsewhere: weights in odd places, pipes, loops without an end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench import compare
from bench.runtimes import onnx_runtime
from bench.runtimes.onnx_file import has_loops, read_onnx, stored_bytes
from distill.console.errors import UserError

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
WEIGHTS = 64
OPTIONS = ("--runtime", "onnxruntime", "--workload", "fixed:16", "--seconds", "0.01")


def saved(path: Path, nodes: list[Any], weights: list[Any]) -> Path:
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, 16]) for name in INPUTS]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", inputs, [output], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def with_weights_apart(path: Path, **entries: object) -> Path:
    weights = TensorProto(name="w", dims=[WEIGHTS // 4], data_type=TensorProto.FLOAT)
    weights.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        weights.external_data.add(key=key, value=str(value))
    return saved(path, [helper.make_node("Identity", ["w"], ["logits"])], [weights])


def endless(path: Path) -> Path:
    """A loop whose condition stays true."""
    going, value = "going", "value"
    body = helper.make_graph(
        [
            helper.make_node("Identity", [going], ["goes_on"]),
            helper.make_node("Neg", [value], ["negated"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info(going, TensorProto.BOOL, []),
            helper.make_tensor_value_info(value, TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("negated", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["start"], to=TensorProto.FLOAT),
        helper.make_node("Loop", ["", "true", "start"], ["logits"], body=body),
    ]
    return saved(path, nodes, [numpy_helper.from_array(np.array(True), "true")])


def test_size_has_the_weights_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(WEIGHTS))
    file = with_weights_apart(tmp_path / "a.onnx", location="w.bin")
    assert stored_bytes(file, read_onnx(file)) == file.stat().st_size + WEIGHTS


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"location": "../w.bin"}, "is not a file in its folder"),
        ({"location": "/dev/zero"}, "is not a file in its folder"),
        ({"location": "link.bin"}, "is not a file in its folder"),
        ({"location": "a\0b"}, "is not a file in its folder"),
        ({"location": "nowhere"}, "does not exist"),
        ({"location": "pipe"}, "does not exist"),
        ({"location": "w.bin", "offset": -5}, "must be non-negative"),
        ({"location": "w.bin", "length": "many"}, "invalid literal"),
    ],
)
def test_weights_in_an_odd_place_are_one_line(
    entries: dict[str, object], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (tmp_path, folder):
        (place / "w.bin").write_bytes(bytes(WEIGHTS))
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    os.mkfifo(folder / "pipe")
    file = with_weights_apart(folder / "a.onnx", **entries)
    assert compare.main([str(file), *OPTIONS]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"error: {file}: ") and says in error


def test_a_pipe_a_device_and_a_file_without_end_are_refused(tmp_path: Path) -> None:
    pipe, device, huge = (tmp_path / f"{name}.onnx" for name in ("pipe", "device", "huge"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    with huge.open("wb") as file:
        file.truncate(3 * 2**30)
    for path, says in ((pipe, "regular"), (device, "regular"), (huge, "holds more than")):
        with pytest.raises(UserError, match=says):
            read_onnx(path)


def test_operations_without_inputs_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("Cast", "DequantizeLinear", "Gather", "EmbedLayerNormalization"):
        file = saved(tmp_path / f"{kind}.onnx", [helper.make_node(kind, [], ["logits"])], [])
        assert compare.main([str(file), *OPTIONS]) == 2
        assert "ONNX Runtime cannot load it" in capsys.readouterr().err


def test_a_loop_without_end_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnx_runtime, "MAX_SECONDS", 0.2)
    file = endless(tmp_path / "endless.onnx")
    assert has_loops(read_onnx(file))
    assert compare.main([str(file), *OPTIONS]) == 2
    assert "a loop did not end within 0.2 s" in capsys.readouterr().err


def test_a_loop_in_a_branch_or_a_function_is_seen(tmp_path: Path) -> None:
    looped = onnx.load(endless(tmp_path / "endless.onnx"))
    branch = helper.make_graph([looped.graph.node[1]], "branch", [], [])
    within = helper.make_node("If", ["true"], ["logits"], then_branch=branch, else_branch=branch)
    assert has_loops(read_onnx(saved(tmp_path / "branch.onnx", [within], [])))
    plain = saved(tmp_path / "plain.onnx", [helper.make_node("F", ["w"], ["logits"])], [])
    assert not has_loops(read_onnx(plain))
    model = onnx.load(plain)
    named = helper.make_function("", "F", ["w"], ["o"], [looped.graph.node[1]], [])
    model.functions.append(named)
    plain.write_bytes(model.SerializeToString())
    assert has_loops(read_onnx(plain))
