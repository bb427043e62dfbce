"""Convolutions."""

from __future__ import annotations

import numpy as np

from ..errors import SimulatorError
from ..graph import Graph
from ..mil import Operation
from . import operation


def same_padding(
    sizes: list[int], kernel: list[int], strides: list[int], dilations: list[int], lower: bool
) -> list[int]:
    """Padding that keeps ``ceil(size / stride)`` outputs, in ONNX's order; an odd one goes after
    the data, or before it with ``lower``."""
    before, after = [], []
    for size, width, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        reach = (width - 1) * dilation + 1
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        small, large = total // 2, total - total // 2
        before.append(large if lower else small)
        after.append(small if lower else large)
    return before + after


def paired(pad: object) -> list[int]:
    """MIL's (before, after) pairs per axis -> ONNX's befores and afters."""
    return np.asarray(pad).reshape(-1, 2).T.ravel().astype(int).tolist()


def padding(
    op: Operation, kernel: list[int], strides: list[int], dilations: list[int]
) -> dict[str, object]:
    """The attributes of ONNX for a MIL padding. Where a size is flexible, ONNX pads to the same
    size itself; without dilation it does as `same_padding`.

    Raises:
        SimulatorError: a flexible size with dilation, which ONNX Runtime does not pad alike.
    """
    from coremltools.converters.mil.mil.types.symbolic import any_symbolic

    kind = op.pad_type.val
    if kind == "custom":
        return {"pads": paired(op.pad.val)}
    if kind == "valid":
        return {"pads": [0] * (2 * len(kernel))}
    lower = kind == "same_lower"
    sizes = op.x.shape[2:]
    if not any_symbolic(sizes):
        return {"pads": same_padding([int(s) for s in sizes], kernel, strides, dilations, lower)}
    if set(dilations) != {1}:
        raise SimulatorError("padding to the same size with dilation needs a fixed size")
    return {"auto_pad": "SAME_LOWER" if lower else "SAME_UPPER"}


@operation("conv")
def conv(graph: Graph, op: Operation) -> str:
    """Convolution over one to three axes of (batch, channels, sizes...)."""
    kernel = [int(size) for size in op.weight.shape[2:]]
    strides = [int(s) for s in op.strides.val]
    dilations = [int(d) for d in op.dilations.val]
    bias = [] if op.bias is None else [graph.value(op.bias)]
    return graph.node(
        "Conv",
        [graph.value(op.x), graph.value(op.weight), *bias],
        strides=strides,
        dilations=dilations,
        group=int(op.groups.val),
        **padding(op, kernel, strides, dilations),
    )


@operation("conv_transpose")
def conv_transpose(graph: Graph, op: Operation) -> str:
    """The full result, cropped by the padding; ``output_shape`` decides the crop where given."""
    kernel = [int(size) for size in op.weight.shape[2:]]
    strides = [int(s) for s in op.strides.val]
    dilations = [int(d) for d in op.dilations.val]
    count = len(kernel)
    sizes = [int(size) for size in op.x.shape[2:]]
    full = [
        (size - 1) * stride + (width - 1) * dilation + 1
        for size, stride, width, dilation in zip(sizes, strides, kernel, dilations, strict=True)
    ]
    out = [int(size) for size in op.outputs[0].shape[2:]]
    if op.pad_type.val == "custom":
        before = paired(op.pad.val)[:count]
    else:
        surplus = [max(f - o, 0) for f, o in zip(full, out, strict=True)]
        lower = op.pad_type.val == "same_lower"
        before = [(s + 1) // 2 if lower else s // 2 for s in surplus]
    grown = [max(b + o - f, 0) for b, o, f in zip(before, out, full, strict=True)]
    bias = [] if op.bias is None else [graph.value(op.bias)]
    whole = graph.node(
        "ConvTranspose",
        [graph.value(op.x), graph.value(op.weight), *bias],
        strides=strides,
        dilations=dilations,
        group=int(op.groups.val),
        output_padding=[min(g, s - 1) if s > 1 else 0 for g, s in zip(grown, strides, strict=True)],
    )
    ends = [b + o for b, o in zip(before, out, strict=True)]
    axes = graph.int64(list(range(2, 2 + count)))
    return graph.node("Slice", [whole, graph.int64(before), graph.int64(ends), axes])
