"""What this machine can do at best: a short test of matrix products and of copying.

The figures are those of good libraries, not of the data sheet: what an implementation of the model
could hope for here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bench.runtimes.arithmetic import Roof

if TYPE_CHECKING:
    import torch

SIZE = 1536
COPY_BYTES = 256 << 20
SECONDS = 1.0
"""Of each test; the best run counts, since others may share the cores."""


def measure_roof(precision: str, threads: int) -> Roof:
    """The roof of a precision. A CPU widens float16 to compute, so its peak is that of float32;
    products of int8 are measured as such, and what is not a product runs in float32."""
    floats = gemm_peak(threads)
    products = int8_peak(threads) if precision == "int8" else floats
    return Roof(products, floats, copy_bandwidth(threads))


def gemm_peak(threads: int) -> float:
    """GFLOP/s of a float32 product of square matrices."""
    import torch

    torch.set_num_threads(threads)
    return matrix_peak(torch.device("cpu"), torch.float32, SIZE) / 1e9


def matrix_peak(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """FLOP/s of the best of several products of square matrices with ``size`` rows."""
    import torch

    left, right = (torch.rand(size, size, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(left)

    def product() -> None:
        torch.mm(left, right, out=out)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return float(2 * size**3 / _best(product))


def copy_bandwidth(threads: int) -> float:
    """GB/s of copying memory larger than any cache, bytes read and bytes written together."""
    import torch

    torch.set_num_threads(threads)
    source = torch.ones(COPY_BYTES, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * COPY_BYTES / _best(lambda: target.copy_(source)) / 1e9


def int8_peak(threads: int) -> float:
    """GFLOP/s (of integer operations) of ONNX Runtime's dynamic int8 product."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    from bench.runtimes.onnx_runtime import session

    weights = np.random.default_rng(0).integers(-64, 64, (SIZE, SIZE)).astype(np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"])],
        "int8",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [SIZE, SIZE])],
        [onnx.numpy_helper.from_array(weights, "b")],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    loaded = session(model.SerializeToString(), threads)
    feeds = {"a": np.full((SIZE, SIZE), 100, np.uint8)}
    return 2 * SIZE**3 / _best(lambda: loaded.run(None, feeds)) / 1e9


def _best(run: Callable[[], object]) -> float:
    """The shortest of as many runs as fit."""
    run()
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best
