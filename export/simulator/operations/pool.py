"""Pooling."""

from __future__ import annotations

from ..graph import Graph
from ..mil import Operation
from . import operation
from .conv import padding


def _attributes(op: Operation) -> dict[str, object]:
    kernel = [int(size) for size in op.kernel_sizes.val]
    strides = [1] * len(kernel) if op.strides is None else [int(s) for s in op.strides.val]
    ceil = op.ceil_mode is not None and bool(op.ceil_mode.val)
    return {
        "kernel_shape": kernel,
        "strides": strides,
        "ceil_mode": int(ceil),
        **padding(op, kernel, strides, [1] * len(kernel)),
    }


@operation("avg_pool")
def avg_pool(graph: Graph, op: Operation) -> str:
    """Means of windows of (batch, channels, ...); padding counts unless it is excluded."""
    counted = not op.exclude_padding_from_average.val
    return graph.node(
        "AveragePool", [graph.value(op.x)], count_include_pad=int(counted), **_attributes(op)
    )


@operation("max_pool")
def max_pool(graph: Graph, op: Operation) -> str:
    """The largest of each window of (batch, channels, ...)."""
    return graph.node("MaxPool", [graph.value(op.x)], **_attributes(op))


@operation("l2_pool")
def l2_pool(graph: Graph, op: Operation) -> str:
    """The root of the sum of squares of each window of (batch, channels, ...)."""
    return graph.node("LpPool", [graph.value(op.x)], p=2, **_attributes(op))
