"""Operations against NumPy and PyTorch, on values that hypothesis chooses."""

from __future__ import annotations

import importlib
import inspect
import sys
from functools import cache
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from export.simulator import Simulator, SimulatorError
from export.simulator.operations import OPERATIONS, operation
from tests.export.simulator.programs import convert, simulate

UNARY = {
    "abs": np.abs,
    "ceil": np.ceil,
    "exp": np.exp,
    "floor": np.floor,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "square": np.square,
    "tanh": np.tanh,
}
BINARY = {
    "add": np.add,
    "floor_div": np.floor_divide,
    "maximum": np.maximum,
    "mod": np.mod,
    "mul": np.multiply,
    "real_div": np.divide,
    "sub": np.subtract,
}
VALUES = st.floats(-8, 8, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3)
TENSORS = arrays(np.float32, array_shapes(min_dims=1, max_dims=4, max_side=5), elements=VALUES)
FEW = settings(max_examples=6)


@pytest.mark.parametrize("name", UNARY)
@FEW
@given(x=TENSORS)
@pytest.mark.slow
def test_unary_as_numpy(name: str, x: np.ndarray) -> None:
    found = simulate(lambda x: getattr(mb, name)(x=x), x=x)
    np.testing.assert_allclose(found, UNARY[name](x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", BINARY)
@FEW
@given(data=st.data(), x=TENSORS)
@pytest.mark.slow
def test_binary_as_numpy_with_broadcasting(name: str, data: st.DataObject, x: np.ndarray) -> None:
    shape = data.draw(st.sampled_from([x.shape, (1,) * x.ndim, (*x.shape[:-1], 1)]))
    y = data.draw(arrays(np.float32, shape, elements=st.sampled_from([-3.0, -0.5, 0.25, 2.0])))
    found = simulate(lambda x, y: getattr(mb, name)(x=x, y=y), x=x, y=y)
    np.testing.assert_allclose(found, BINARY[name](x, y), rtol=1e-4, atol=1e-6)


@FEW
@given(x=arrays(np.float32, (2, 7, 12), elements=VALUES))
@pytest.mark.slow
def test_layer_norm_and_gelu_as_pytorch(x: np.ndarray) -> None:
    gamma, beta = np.linspace(0.5, 2, 12, dtype=np.float32), np.ones(12, np.float32)

    def build(x: Any) -> Any:
        normal = mb.layer_norm(x=x, axes=[-1], gamma=gamma, beta=beta, epsilon=1e-5)
        return mb.gelu(x=normal, mode="EXACT")

    tensors = (torch.from_numpy(value) for value in (x, gamma, beta))
    value, weight, bias = tensors
    normal = torch.nn.functional.layer_norm(value, (12,), weight, bias, 1e-5)
    expected = torch.nn.functional.gelu(normal).numpy()
    np.testing.assert_allclose(simulate(build, x=x), expected, rtol=1e-3, atol=1e-4)


@FEW
@given(
    begin=st.integers(0, 3), size=st.integers(1, 4), stride=st.sampled_from([1, 2]), data=st.data()
)
def test_slices_as_numpy(begin: int, size: int, stride: int, data: st.DataObject) -> None:
    x = np.arange(7 * 5, dtype=np.float32).reshape(7, 5)
    last = data.draw(st.integers(0, 4))

    def build(x: Any) -> Any:
        return mb.slice_by_index(
            x=x,
            begin=[begin, last],
            end=[begin + size, 0],
            stride=[stride, 1],
            squeeze_mask=[False, True],
        )

    np.testing.assert_array_equal(simulate(build, x=x), x[begin : begin + size : stride, last])


@pytest.mark.parametrize("begin", [1, -3])
@pytest.mark.parametrize("size", [2, -1])
def test_a_begin_below_0_counts_from_the_end(begin: int, size: int) -> None:
    x = np.arange(5, dtype=np.float32)
    end = None if size == -1 else begin + size
    found = simulate(lambda x: mb.slice_by_size(x=x, begin=[begin], size=[size]), x=x)
    np.testing.assert_array_equal(found, x[begin:end])


def test_integers_and_floats_meet_in_a_product() -> None:
    x = np.array([[0.5, -1, 2]], np.float32)
    weight, bias = np.array([[1, 2, 3], [-1, 0, 4]], np.int32), np.array([10, -20], np.int32)
    found = simulate(lambda x: mb.linear(x=x, weight=weight, bias=bias), x=x)
    np.testing.assert_allclose(found, x @ weight.T + bias)


def test_the_greatest_come_in_order() -> None:
    x = np.array([[-1, 2, -3], [4, -5, 6]], np.float32)
    found = simulate(lambda x: mb.topk(x=x, k=2, axis=1, sort=False, return_indices=False), x=x)
    np.testing.assert_array_equal(found, [[2, -1], [6, 4]])


@pytest.mark.parametrize(("rows", "steps"), [(0, 1), (1, 0), (0, 2), (3, 1), (2, -1), (-2, 0)])
def test_the_first_elements_of_any_axis_come_backwards(rows: int, steps: int) -> None:
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    lengths = [min(1 + row, x.shape[steps]) for row in range(x.shape[rows])]
    expected = x.copy()
    for row, length in enumerate(lengths):
        taken = np.moveaxis(x, (rows, steps), (0, 1))[row]
        np.moveaxis(expected, (rows, steps), (0, 1))[row, :length] = taken[:length][::-1]

    def build(x: Any) -> Any:
        return mb.reverse_sequence(x=x, lengths=lengths, seq_axis=steps, batch_axis=rows)

    np.testing.assert_array_equal(simulate(build, x=x), expected)


@pytest.mark.parametrize(
    ("shape", "expected"), [([1, 0, -1, 0], (1, 1, 2, 3)), ([0, -1], (2, 3)), ([-1, 0], (2, 3))]
)
def test_a_size_that_is_kept_is_counted_from_the_end(
    shape: list[int], expected: tuple[int, ...]
) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = simulate(lambda x: mb.reshape(x=x, shape=shape), x=x)
    np.testing.assert_array_equal(found, x.reshape(expected))


def test_half_precision_rounds_every_intermediate() -> None:
    """1 + 1/4096 is 1 in half precision, so that the difference is lost at once."""
    x = np.full((1, 4), 1 / 4096, np.float32)

    def build(x: Any) -> Any:
        return mb.sub(x=mb.add(x=x, y=np.float32(1)), y=np.float32(1))

    reference = (np.float16(x) + np.float16(1)).astype(np.float16) - np.float16(1)
    np.testing.assert_array_equal(simulate(build, "float16", x=x), reference.astype(np.float32))
    np.testing.assert_allclose(simulate(build, "float32", x=x), x, rtol=1e-3)


@FEW
@given(x=arrays(np.float32, (3, 8), elements=st.floats(-200, 200, width=16)))
@pytest.mark.slow
def test_half_precision_as_numpy_rounds(x: np.ndarray) -> None:
    def build(x: Any) -> Any:
        return mb.mul(x=mb.mul(x=x, y=x), y=np.float32(3))

    half = x.astype(np.float16)
    with np.errstate(over="ignore"):
        expected = (half * half).astype(np.float16) * np.float16(3)
    found = simulate(build, "float16", x=x)
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_an_unknown_operation_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(lambda x: mb.relu(x=x), x=np.ones((1, 2), np.float32))
    monkeypatch.delitem(OPERATIONS, "relu")
    with pytest.raises(SimulatorError, match=r"^relu: not supported .*operation 'here'.*'main'"):
        simulate(lambda x: mb.relu(x=x, name="here"), x=np.ones((1, 2), np.float32))


def test_refusals_of_onnx_runtime_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(lambda x: mb.relu(x=x), x=np.ones((1, 2), np.float32))
    monkeypatch.setitem(
        OPERATIONS, "relu", lambda graph, op: graph.node("None", [graph.value(op.x)])
    )
    with pytest.raises(SimulatorError, match=r"the program cannot be run: .*None"):
        simulate(lambda x: mb.relu(x=x), x=np.ones((1, 2), np.float32))


def test_a_function_that_is_not_there() -> None:
    model = convert(lambda x: mb.relu(x=x), [mb.TensorSpec(shape=(1, 2))])
    assert Simulator(model, function="main").inputs.keys() == Simulator(model).inputs.keys()
    with pytest.raises(SimulatorError, match="no function 'other'; there are main"):
        Simulator(model, function="other")


def test_inputs_are_checked() -> None:
    program = mb.program(input_specs=[mb.TensorSpec(shape=(1, 4))])(lambda x: mb.relu(x=x))
    model = ct.convert(program, convert_to="mlprogram", skip_model_load=True)
    simulator = Simulator(model)
    (name,) = simulator.inputs
    with pytest.raises(SimulatorError, match="is missing"):
        simulator.predict({})
    with pytest.raises(SimulatorError, match="no input 'other'"):
        simulator.predict({name: np.ones((1, 4)), "other": np.ones(1)})
    with pytest.raises(SimulatorError, match=r"is \(1, 5\)"):
        simulator.predict({name: np.ones((1, 5))})


def test_path_that_is_not_a_package_is_refused(tmp_path: Any) -> None:
    with pytest.raises(SimulatorError, match="not a Core ML package"):
        Simulator(tmp_path)
    (tmp_path / "Manifest.json").write_text("{}")
    with pytest.raises(SimulatorError, match="a broken package"):
        Simulator(tmp_path)


@pytest.mark.parametrize("layer", ["relu6", "clip"])
def test_a_clip_is_one_node_that_onnx_runtime_fuses(layer: str) -> None:
    def build(x: Any) -> Any:
        if layer == "relu6":
            return mb.relu6(x=x)
        return mb.clip(x=x, alpha=np.float32(0), beta=np.float32(6))

    simulator = Simulator(convert(build, [mb.TensorSpec(shape=(1, 3))]))
    assert [node.op_type for node in simulator.onnx_model.graph.node] == ["Clip", "Identity"]
    x = np.array([[-1, 3, 9]], np.float32)
    (found,) = simulator.predict({"x": x}).values()
    np.testing.assert_array_equal(found, [[0, 3, 6]])


def test_an_operation_is_registered_once() -> None:
    with pytest.raises(ValueError, match="operation 'relu' is registered twice"):
        operation("relu")(OPERATIONS["relu"])


NOT_READ = {
    "cond": {"_true_fn", "_false_fn", "_existing_blocks"},  # a saved program has blocks instead
    "while_loop": {"_cond", "_body", "_existing_blocks"},
    "split": {"num_splits", "split_sizes"},  # the outputs say it
    "topk": {"sort", "output_indices_dtype"},  # sorted is one of the orders that may come
    "reduce_argmax": {"output_dtype"},
    "reduce_argmin": {"output_dtype"},
}
FOR_ALL = {"validate_indices"}
"""Inputs that change nothing here; an index outside of the data is always refused."""


def test_every_input_of_an_operation_is_read() -> None:
    """No version of an operation has an input that is passed over, as iOS18's GRU had two."""
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    @cache
    def source(module: str) -> str:
        """Of a module of operations and of those it takes functions from."""
        values = vars(importlib.import_module(module)).values()
        names = {module, *(str(getattr(value, "__module__", "")) for value in values)}
        return "".join(
            inspect.getsource(sys.modules[name]) for name in names if "simulator" in name
        )

    for name, translate in OPERATIONS.items():
        for version in SSAOpRegistry.core_ops.get(name, {}).values():
            inputs = set(version.input_spec.input_types) - NOT_READ.get(name, set()) - FOR_ALL
            text = source(translate.__module__)
            assert {i for i in inputs if i.removesuffix("_back") not in text} == set(), name
