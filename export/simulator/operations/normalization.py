"""Normalization."""

from __future__ import annotations

from typing import Any

from ..constants import stored
from ..graph import Graph, carrier
from ..mil import Operation, Variable
from . import operation


def _channels(graph: Graph, var: Variable | None, rank: int, default: float) -> str:
    """One value per channel, shaped to broadcast over (batch, channels, ...)."""
    if var is None:
        return graph.float32(default)
    shape = (1, -1) + (1,) * (rank - 2)
    value = stored(var)
    if value is not None:
        return graph.constant(carrier(value).reshape(shape))
    return graph.node("Reshape", [graph.value(var), graph.int64(shape)])


def _scaled(graph: Graph, centred: str, variance: str, epsilon: Any) -> str:
    deviation = graph.node("Sqrt", [graph.node("Add", [variance, graph.float32(epsilon.val)])])
    return graph.node("Div", [centred, deviation])


def _affine(graph: Graph, x: str, scale: str, shift: str) -> str:
    return graph.node("Add", [graph.node("Mul", [x, scale]), shift])


@operation("batch_norm")
def batch_norm(graph: Graph, op: Operation) -> str:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta; ``x`` (batch, channels, ...), the
    others (channels)."""
    rank = op.x.rank
    mean = _channels(graph, op.mean, rank, 0)
    variance = _channels(graph, op.variance, rank, 1)
    centred = graph.node("Sub", [graph.value(op.x), mean])
    normal = _scaled(graph, centred, variance, op.epsilon)
    gamma, beta = _channels(graph, op.gamma, rank, 1), _channels(graph, op.beta, rank, 0)
    return _affine(graph, normal, gamma, beta)


def _standardized(graph: Graph, x: str, axes: list[int], epsilon: object) -> str:
    where = graph.int64(axes)
    centred = graph.node("Sub", [x, graph.node("ReduceMean", [x, where])])
    variance = graph.node("ReduceMean", [graph.node("Mul", [centred, centred]), where])
    return _scaled(graph, centred, variance, epsilon)


@operation("instance_norm")
def instance_norm(graph: Graph, op: Operation) -> str:
    """Mean 0 and variance 1 over all but batch and channels, then gamma and beta (channels)."""
    rank = op.x.rank
    normal = _standardized(graph, graph.value(op.x), list(range(2, rank)), op.epsilon)
    gamma, beta = _channels(graph, op.gamma, rank, 1), _channels(graph, op.beta, rank, 0)
    return _affine(graph, normal, gamma, beta)


@operation("layer_norm")
def layer_norm(graph: Graph, op: Operation) -> str:
    """ONNX's operator where the axes are the last ones, so that ONNX Runtime can fuse it."""
    rank, x = op.x.rank, graph.value(op.x)
    axes = sorted(int(a) % rank for a in (range(rank) if op.axes is None else op.axes.val))
    if axes == list(range(axes[0], rank)) and op.gamma is not None:
        beta = [graph.value(op.beta)] if op.beta is not None else []
        return graph.node(
            "LayerNormalization",
            [x, graph.value(op.gamma), *beta],
            axis=axes[0],
            epsilon=float(op.epsilon.val),
        )
    normal = _standardized(graph, x, axes, op.epsilon)
    return _affine(
        graph, normal, _over(graph, op.gamma, axes, rank, 1), _over(graph, op.beta, axes, rank, 0)
    )


def _over(graph: Graph, var: Variable | None, axes: list[int], rank: int, default: float) -> str:
    """A weight of the normalized axes, shaped to broadcast over all of them."""
    if var is None:
        return graph.float32(default)
    sizes = dict(zip(axes, var.shape, strict=True))
    shape = [int(sizes.get(axis, 1)) for axis in range(rank)]
    return graph.node("Reshape", [graph.value(var), graph.int64(shape)])


@operation("l2_norm")
def l2_norm(graph: Graph, op: Operation) -> str:
    """Over the last three axes together, with epsilon inside the root."""
    x = graph.value(op.x)
    axes = graph.int64(list(range(max(op.x.rank - 3, 0), op.x.rank)))
    squares = graph.node("ReduceSumSquare", [x, axes])
    root = graph.node("Sqrt", [graph.node("Add", [squares, graph.float32(op.epsilon.val)])])
    return graph.node("Div", [x, root])


@operation("local_response_norm")
def local_response_norm(graph: Graph, op: Operation) -> str:
    """``x / (k + alpha / size * sum of squares of neighbouring channels)^beta``."""
    x, size = graph.value(op.x), int(op.size.val)
    rest = [0] * (op.x.rank - 2)
    pads = graph.int64([0, size // 2, *rest, 0, (size - 1) // 2, *rest])
    padded = graph.node("Pad", [graph.node("Mul", [x, x]), pads])
    sums = ""
    for offset in range(size):
        start, axes = graph.int64([offset]), graph.int64([1])
        end = graph.int64([int(op.x.shape[1]) + offset])
        part = graph.node("Slice", [padded, start, end, axes])
        sums = graph.node("Add", [sums, part]) if sums else part
    mean = graph.node("Mul", [sums, graph.float32(op.alpha.val / size)])
    base = graph.node("Add", [mean, graph.float32(op.k.val)])
    return graph.node("Div", [x, graph.node("Pow", [base, graph.float32(op.beta.val)])])
