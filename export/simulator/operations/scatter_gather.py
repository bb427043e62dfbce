"""Reading and writing at indices."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, is_float
from ..mil import Operation
from . import operation

_REDUCTIONS = {"add": "add", "sub": "add", "mul": "mul", "min": "min", "max": "max"}
_REDUCTIONS |= {"update": "none"}


def _indices(graph: Graph, op: Operation) -> str:
    return graph.as_int64(op.indices)


@operation("gather")
def gather(graph: Graph, op: Operation) -> str:
    """Slices of x at ``indices`` of ``axis``; the first ``batch_dims`` axes are those of both."""
    batch = 0 if getattr(op, "batch_dims", None) is None else int(op.batch_dims.val)
    axis = int(op.axis.val) % max(op.x.rank, 1)
    x, indices = graph.value(op.x), _indices(graph, op)
    if not batch:
        return graph.node("Gather", [x, indices], axis=axis)
    return _batched_gather(graph, op, x, indices, axis, batch)


def _batched_gather(
    graph: Graph, op: Operation, x: str, indices: str, axis: int, batch: int
) -> str:
    """Move the axis behind the batch axes, gather there, and move its result back."""
    rank, index_rank = op.x.rank, op.indices.rank
    order = [*range(batch), axis, *[i for i in range(batch, rank) if i != axis]]
    moved = graph.node("Transpose", [x], perm=order)
    gathered = graph.node(
        "GatherND", [moved, graph.node("Unsqueeze", [indices, graph.int64([-1])])], batch_dims=batch
    )
    middle = axis - batch
    own = index_rank - batch
    result = [
        *range(batch),
        *range(index_rank, index_rank + middle),
        *range(batch, batch + own),
        *range(index_rank + middle, rank + own - 1),
    ]
    return graph.node("Transpose", [gathered], perm=result)


@operation("gather_along_axis")
def gather_along_axis(graph: Graph, op: Operation) -> str:
    """Elements of x, each at its own index of ``axis``; of the shape of ``indices``."""
    return graph.node(
        "GatherElements", [graph.value(op.x), _indices(graph, op)], axis=int(op.axis.val)
    )


@operation("gather_nd")
def gather_nd(graph: Graph, op: Operation) -> str:
    """Slices of x at the indices in the last axis of ``indices``."""
    batch = 0 if getattr(op, "batch_dims", None) is None else int(op.batch_dims.val)
    return graph.node("GatherND", [graph.value(op.x), _indices(graph, op)], batch_dims=batch)


def _scattered(
    graph: Graph,
    op: Operation,
    kind: str,
    data: str,
    indices: str,
    updates: str,
    **attributes: object,
) -> str:
    """``kind`` of ONNX in the mode of ``op``; ``div`` divides by the product of the divisors of a
    place, so that integers come out as if divided one after the other."""
    mode = op.mode.val
    if mode == "sub":
        updates = graph.node("Neg", [updates])
    if mode == "div":
        one = graph.constant(1, np.float32 if is_float(op.data) else np.int32)
        ones = graph.node("Expand", [one, graph.node("Shape", [data])])
        inputs = [ones, indices, updates]
        return graph.node("Div", [data, graph.node(kind, inputs, reduction="mul", **attributes)])
    return graph.node(kind, [data, indices, updates], reduction=_REDUCTIONS[mode], **attributes)


@operation("scatter_along_axis")
def scatter_along_axis(graph: Graph, op: Operation) -> str:
    """``data`` with ``updates`` at ``indices`` of ``axis``, both of one shape, by ``mode``."""
    data, updates = graph.value(op.data), graph.value(op.updates)
    axis = int(op.axis.val)
    return _scattered(graph, op, "ScatterElements", data, _indices(graph, op), updates, axis=axis)


@operation("scatter_nd")
def scatter_nd(graph: Graph, op: Operation) -> str:
    """``data`` with ``updates`` at the indices in the last axis of ``indices``, by ``mode``."""
    data, updates = graph.value(op.data), graph.value(op.updates)
    return _scattered(graph, op, "ScatterND", data, _indices(graph, op), updates)


@operation("scatter")
def scatter(graph: Graph, op: Operation) -> str:
    """Whole slices at indices of one axis: ``scatter_nd`` on the axis brought to the front."""
    axis, rank = int(op.axis.val) % op.data.rank, op.data.rank
    front = [axis, *[i for i in range(rank) if i != axis]]
    back = np.argsort(front).tolist()
    data = graph.node("Transpose", [graph.value(op.data)], perm=front)
    count = op.indices.rank
    order = [*range(axis, axis + count), *range(axis), *range(axis + count, op.updates.rank)]
    updates = graph.node("Transpose", [graph.value(op.updates)], perm=order)
    indices = graph.node("Unsqueeze", [_indices(graph, op), graph.int64([-1])])
    scattered = _scattered(graph, op, "ScatterND", data, indices, updates)
    return graph.node("Transpose", [scattered], perm=back)
