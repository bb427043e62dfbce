"""Convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.simulator.operations import operation


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


def paired(pad: Any) -> list[int]:
    """MIL's (before, after) pairs per axis -> ONNX's befores and afters."""
    return np.asarray(pad).reshape(-1, 2).T.ravel().astype(int).tolist()


def _padding(op: Any, kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
    kind = op.pad_type.val
    if kind == "custom":
        return paired(op.pad.val)
    if kind == "valid":
        return [0] * (2 * len(kernel))
    sizes = [int(size) for size in op.x.shape[2:]]
    return same_padding(sizes, kernel, strides, dilations, lower=kind == "same_lower")


@operation("conv")
def conv(graph: Any, op: Any) -> str:
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
        pads=_padding(op, kernel, strides, dilations)
        if kernel != [1] * len(kernel) or op.pad_type.val == "custom"
        else None,
    )


@operation("conv_transpose")
def conv_transpose(graph: Any, op: Any) -> str:
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
