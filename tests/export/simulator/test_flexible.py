"""Programs whose sizes are known when they run: padding to the same size, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import onnx
import onnxruntime
import pytest
from coremltools.converters.mil import Builder as mb

from export.simulator import Simulator, SimulatorError
from tests.export.simulator.programs import convert, simulate

WEIGHT = np.random.default_rng(0).standard_normal((2, 2, 3, 4)).astype(np.float32)
Layer = Callable[..., Any]
LAYERS: dict[str, Layer] = {
    "conv": lambda x, **padding: mb.conv(x=x, weight=WEIGHT, **padding),
    "avg_pool": lambda x, **padding: mb.avg_pool(x=x, kernel_sizes=[3, 4], **padding),
    "max_pool": lambda x, **padding: mb.max_pool(x=x, kernel_sizes=[3, 4], **padding),
    "l2_pool": lambda x, **padding: mb.l2_pool(x=x, kernel_sizes=[3, 4], **padding),
}


def flexible(build: Layer) -> Simulator:
    """The program for two channels of 4 to 12 rows and columns."""
    sizes = [ct.RangeDim(4, 12, default=8, symbol=name) for name in ("height", "width")]
    specs = [mb.TensorSpec(shape=(1, 2, *(size.symbol for size in sizes)))]
    inputs = [ct.TensorType(name="x", shape=(1, 2, *sizes))]
    return Simulator(convert(build, specs, inputs=inputs))


def test_constant_padding_is_what_onnx_runtime_fuses_into_a_convolution(tmp_path: Path) -> None:
    """By the graph that it runs: no step of padding is left in it."""

    def build(x: Any) -> Any:
        padded = mb.pad(x=x, pad=[0, 1, 0, 1], mode="constant", constant_val=np.float32(0))
        return mb.conv(x=padded, weight=np.ones((2, 3, 3, 3), np.float32))

    model = convert(build, [mb.TensorSpec((1, 3, 6, 6))])
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    graph = Simulator(model).onnx_model.SerializeToString()
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert "Pad" not in kinds and len([kind for kind in kinds if "Conv" in kind]) == 1


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("pad_type", ["same", "same_lower"])
def test_padding_to_the_same_size(name: str, pad_type: str) -> None:
    """As the same program for a fixed size, whose padding is counted in Python."""

    def build(x: Any) -> Any:
        return LAYERS[name](x, strides=[1, 2], pad_type=pad_type)

    simulator = flexible(build)
    for shape in ((1, 2, 8, 8), (1, 2, 5, 11)):
        x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        (found,) = simulator.predict({"x": x}).values()
        np.testing.assert_allclose(found, simulate(build, x=x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "build"),
    [
        ("conv", lambda x: LAYERS["conv"](x, dilations=[2, 2], pad_type="same", name="here")),
        (
            "pixel_unshuffle",
            lambda x: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2), name="here"),
        ),
        ("sliding_windows", lambda x: mb.sliding_windows(x=x, axis=2, size=2, name="here")),
    ],
)
def test_operations_that_need_a_fixed_size_are_named_with_their_place(
    kind: str, build: Layer
) -> None:
    with pytest.raises(SimulatorError, match=rf"^{kind}: .*operation 'here' of function 'main'"):
        flexible(build)
