"""The vocabulary of an own file is read from it: a cased BERT's is smaller than the usual one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench import compare
from bench.runtimes.contenders import open_model
from bench.runtimes.vocabulary import onnx_vocabulary
from distill.console.errors import UserError

ROWS = 300


def embedding(path: Path, quantized: bool = False) -> Path:
    """A file that looks up ``input_ids``, cast to int32, in a table of `ROWS` rows, as int8 or not;
    a second table, of positions, is looked up by something else."""
    table = np.arange(ROWS * 4, dtype=np.float32).reshape(ROWS, 4) % 7
    tensors = [numpy_helper.from_array(np.ones((2, 4), np.float32), "positions")]
    tensors.append(numpy_helper.from_array(np.zeros((1, 1), np.int64), "first"))
    nodes = [
        helper.make_node("Gather", ["positions", "first"], ["position"]),
        helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.INT32),
    ]
    if quantized:
        tensors.append(numpy_helper.from_array(table.astype(np.int8), "stored"))
        tensors.append(numpy_helper.from_array(np.float32(0.5), "scale"))
        nodes.append(helper.make_node("DequantizeLinear", ["stored", "scale"], ["table"]))
    else:
        tensors.append(numpy_helper.from_array(table, "table"))
    nodes.append(helper.make_node("Gather", ["table", "ids"], ["rows"]))
    nodes.append(helper.make_node("Add", ["rows", "position"], ["embedding"]))
    sizes = ["batch", "length"]
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, sizes)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [*sizes, 4])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("quantized", [False, True])
def test_vocabulary_of_an_onnx_file_is_its_table(quantized: bool, tmp_path: Path) -> None:
    path = embedding(tmp_path / "own.onnx", quantized)
    assert onnx_vocabulary(path) == ROWS
    assert open_model(str(path)).vocabulary == ROWS


def test_vocabulary_is_not_guessed_from_another_table(tmp_path: Path) -> None:
    path = embedding(tmp_path / "own.onnx")
    model = onnx.load(path)
    model.graph.input[0].name = "tokens"
    model.graph.node[1].input[0] = "tokens"
    onnx.save(model, path)
    assert onnx_vocabulary(path) is None
    path.write_bytes(b"no graph")
    with pytest.raises(UserError, match="not an ONNX file"):
        onnx_vocabulary(path)


def test_a_small_vocabulary_runs_in_the_runtime_that_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(embedding(tmp_path / "own.onnx"))
    rest = ["--workload", "fixed:8", "--seconds", "0.1", "--no-memory"]
    assert compare.main([path, *rest]) == 0
    assert "onnxruntime" in capsys.readouterr().out
    assert compare.main([path, *rest, "--runtime", "torch"]) == 2
    assert "nothing was measured: own in torch" in capsys.readouterr().err
