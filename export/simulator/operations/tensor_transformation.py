"""Shapes, slices and orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Graph
from ..mil import Operation, Variable
from . import operation

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


@operation("transpose")
def transpose(graph: Graph, op: Operation) -> str:
    """Axis i of the result is axis ``perm[i]`` of x."""
    perm = [int(axis) % op.x.rank for axis in op.perm.val]
    return graph.node("Transpose", [graph.value(op.x)], perm=perm)


@operation("expand_dims")
def expand_dims(graph: Graph, op: Operation) -> str:
    """x with axes of size 1 in the places ``axes`` of the result."""
    return graph.node("Unsqueeze", [graph.value(op.x), graph.int64(np.atleast_1d(op.axes.val))])


@operation("squeeze")
def squeeze(graph: Graph, op: Operation) -> str:
    """x without the axes ``axes`` of size 1; without ``axes``, without all of size 1."""
    axes = [] if op.axes is None else [graph.int64(np.atleast_1d(op.axes.val))]
    return graph.node("Squeeze", [graph.value(op.x), *axes])


@operation("reshape")
def reshape(graph: Graph, op: Operation) -> str:
    """A 0 in the shape keeps the size of its axis, counted from the last one (iOS17); ONNX counts
    from the first."""
    x, shape = graph.value(op.x), op.shape.val
    if shape is None or 0 not in shape or len(shape) == op.x.rank:
        return graph.node("Reshape", [x, graph.as_int64(op.shape)])
    sizes, parts = graph.node("Shape", [x]), []
    for axis, size in enumerate(np.asarray(shape).tolist(), op.x.rank - len(shape)):
        if size or axis < 0:
            parts.append(graph.int64([size or 1]))
        else:
            parts.append(graph.node("Gather", [sizes, graph.int64([axis])]))
    return graph.node("Reshape", [x, graph.node("Concat", parts, axis=0)])


@operation("reshape_like")
def reshape_like(graph: Graph, op: Operation) -> str:
    """Each reference gives its axes from ``begins`` to ``ends`` to the new shape."""
    count = len(op.ref_tensors)
    begins, ends = _values(op.begins, count, 0), _values(op.ends, count, 0)
    open_begins, open_ends = (
        _values(getattr(op, name, None), count, False) for name in ("begin_masks", "end_masks")
    )
    parts = []
    for i, tensor in enumerate(op.ref_tensors):
        shape = graph.node("Shape", [graph.value(tensor)])
        low = 0 if open_begins[i] else int(begins[i])
        high = INT64_MAX if open_ends[i] else int(ends[i])
        parts.append(graph.node("Slice", [shape, graph.int64([low]), graph.int64([high])]))
    return graph.node("Reshape", [graph.value(op.x), graph.node("Concat", parts, axis=0)])


def _values(variables: Any, count: int, default: Any) -> list[Any]:
    """The constants of a tuple input."""
    return [default] * count if variables is None else [var.val for var in variables]


@operation("reverse")
def reverse(graph: Graph, op: Operation) -> str:
    """x backwards along ``axes``; without ``axes``, along all."""
    axes = range(op.x.rank) if op.axes is None else np.atleast_1d(op.axes.val)
    ones = np.ones(len(axes), np.int64)
    bounds = [graph.int64(-ones), graph.int64(ones * INT64_MIN)]
    return graph.node(
        "Slice", [graph.value(op.x), *bounds, graph.int64(list(axes)), graph.int64(-ones)]
    )


@operation("reverse_sequence")
def reverse_sequence(graph: Graph, op: Operation) -> str:
    """Of each row of ``batch_axis`` its first ``lengths`` elements of ``seq_axis`` backwards. ONNX
    does so on the first two axes alone."""
    rank = op.x.rank
    rows, steps = (int(axis.val) % rank for axis in (op.batch_axis, op.seq_axis))
    order = [rows, steps, *(axis for axis in range(rank) if axis not in (rows, steps))]
    moved = graph.node("Transpose", [graph.value(op.x)], perm=order)
    inputs = [moved, graph.as_int64(op.lengths)]
    reversed_ = graph.node("ReverseSequence", inputs, batch_axis=0, time_axis=1)
    return graph.node("Transpose", [reversed_], perm=np.argsort(order).tolist())


def slice_bounds(graph: Graph, op: Operation) -> tuple[str, str, str, str]:
    """Starts, ends, axes and steps of ``slice_by_index``; masks open the bounds."""
    rank = op.x.rank
    steps = np.ones(rank, np.int64) if op.stride is None else np.asarray(op.stride.val, np.int64)
    squeezed = _mask(op.squeeze_mask, rank)
    starts = _masked(graph, op.begin, _mask(op.begin_mask, rank), np.where(steps > 0, 0, INT64_MAX))
    if squeezed.any():
        steps = np.where(squeezed, 1, steps)
    opened = np.where(steps > 0, INT64_MAX, INT64_MIN)
    ends = _masked(graph, op.end, _mask(op.end_mask, rank), opened)
    if squeezed.any():
        one = graph.node("Add", [starts, graph.int64(np.ones(rank))])
        # One past -1 would be the first element: it means the end.
        last = graph.node("Equal", [one, graph.int64(0)])
        one = graph.node("Where", [last, graph.int64(INT64_MAX), one])
        ends = graph.node("Where", [graph.constant(squeezed), one, ends])
    return starts, ends, graph.int64(list(range(rank))), graph.int64(steps)


def _mask(var: Variable | None, rank: int) -> np.ndarray:
    return np.zeros(rank, bool) if var is None else np.asarray(var.val, bool).reshape(rank)


def _masked(graph: Graph, var: Variable, mask: np.ndarray, opened: np.ndarray) -> str:
    given = graph.as_int64(var)
    if not mask.any():
        return given
    return graph.node("Where", [graph.constant(mask), graph.int64(opened), given])


@operation("slice_by_index")
def slice_by_index(graph: Graph, op: Operation) -> str:
    """x from ``begin`` to ``end`` in steps of ``stride`` on each axis, without the axes of
    ``squeeze_mask``."""
    sliced = graph.node("Slice", [graph.value(op.x), *slice_bounds(graph, op)])
    squeezed = np.flatnonzero(_mask(op.squeeze_mask, op.x.rank))
    if not squeezed.size:
        return sliced
    return graph.node("Squeeze", [sliced, graph.int64(squeezed)])


@operation("slice_by_size")
def slice_by_size(graph: Graph, op: Operation) -> str:
    """A size of -1 goes to the end of its axis, and a begin below 0 counts from there."""
    begin, size = graph.as_int64(op.begin), graph.as_int64(op.size)
    from_end = graph.node("Add", [begin, graph.node("Shape", [graph.value(op.x)])])
    negative = graph.node("Less", [begin, graph.int64(0)])
    begin = graph.node("Where", [negative, from_end, begin])
    to_end = graph.node("Equal", [size, graph.int64(-1)])
    ends = graph.node("Where", [to_end, graph.int64(INT64_MAX), graph.node("Add", [begin, size])])
    return graph.node("Slice", [graph.value(op.x), begin, ends, graph.int64(range(op.x.rank))])


@operation("slice_update")
def slice_update(graph: Graph, op: Operation) -> str:
    """Scatter the update to the places that the same slice of the flat positions names."""
    x = graph.value(op.x)
    shape = graph.node("Shape", [x])
    count = graph.node("Size", [x])
    positions = graph.node("Range", [graph.int64(0), count, graph.int64(1)])
    grid = graph.node("Reshape", [positions, shape])
    places = graph.node("Slice", [grid, *slice_bounds(graph, op)])
    flat = graph.int64([-1])
    updated = graph.node(
        "ScatterElements",
        [
            graph.node("Reshape", [x, flat]),
            graph.node("Reshape", [places, flat]),
            graph.node("Reshape", [graph.value(op.update), flat]),
        ],
        axis=0,
    )
    return graph.node("Reshape", [updated, shape])


@operation("depth_to_space")
def depth_to_space(graph: Graph, op: Operation) -> str:
    """(n, c b b, h, w) -> (n, c, h b, w b), with b the ``block_size``; blocks before channels."""
    return graph.node("DepthToSpace", [graph.value(op.x)], blocksize=int(op.block_size.val))


@operation("space_to_depth")
def space_to_depth(graph: Graph, op: Operation) -> str:
    """(n, c, h b, w b) -> (n, c b b, h, w), with b the ``block_size``."""
    return graph.node("SpaceToDepth", [graph.value(op.x)], blocksize=int(op.block_size.val))


@operation("pixel_shuffle")
def pixel_shuffle(graph: Graph, op: Operation) -> str:
    """(n, c r r, h, w) -> (n, c, h r, w r), with r the ``upscale_factor``; channels before
    blocks."""
    size = int(op.upscale_factor.val)
    return graph.node("DepthToSpace", [graph.value(op.x)], blocksize=size, mode="CRD")


@operation("pixel_unshuffle")
def pixel_unshuffle(graph: Graph, op: Operation) -> str:
    """(n, c, h r, w r) -> (n, c r r, h, w), with r the ``downscale_factor``."""
    r = int(op.downscale_factor.val)
    n, c, h, w = op.x.shape
    split = graph.node("Reshape", [graph.value(op.x), graph.int64([n, c, h // r, r, w // r, r])])
    moved = graph.node("Transpose", [split], perm=[0, 1, 3, 5, 2, 4])
    return graph.node("Reshape", [moved, graph.int64([n, c * r * r, h // r, w // r])])


@operation("space_to_batch")
def space_to_batch(graph: Graph, op: Operation) -> str:
    """(n, c, h, w), padded, -> (n b0 b1, c, h / b0, w / b1), with (b0, b1) the ``block_shape``."""
    block = [int(b) for b in op.block_shape.val]
    (top, bottom), (left, right) = np.asarray(op.paddings.val)
    pads = graph.int64([0, 0, top, left, 0, 0, bottom, right])
    padded = graph.node("Pad", [graph.value(op.x), pads])
    n, c, h, w = (int(size) for size in op.x.shape)
    h, w = h + int(top + bottom), w + int(left + right)
    shape = graph.int64([n, c, h // block[0], block[0], w // block[1], block[1]])
    moved = graph.node(
        "Transpose", [graph.node("Reshape", [padded, shape])], perm=[3, 5, 0, 1, 2, 4]
    )
    target = [n * block[0] * block[1], c, h // block[0], w // block[1]]
    return graph.node("Reshape", [moved, graph.int64(target)])


@operation("batch_to_space")
def batch_to_space(graph: Graph, op: Operation) -> str:
    """(n b0 b1, c, h, w) -> (n, c, h b0, w b1), then ``crops`` cut off; (b0, b1):
    ``block_shape``."""
    b0, b1 = (int(b) for b in op.block_shape.val)
    (top, bottom), (left, right) = np.asarray(op.crops.val)
    n, c, h, w = (int(size) for size in op.x.shape)
    split = graph.node(
        "Reshape", [graph.value(op.x), graph.int64([b0, b1, n // (b0 * b1), c, h, w])]
    )
    moved = graph.node("Transpose", [split], perm=[2, 3, 4, 0, 5, 1])
    whole = graph.node("Reshape", [moved, graph.int64([n // (b0 * b1), c, h * b0, w * b1])])
    ends = graph.int64([h * b0 - bottom, w * b1 - right])
    return graph.node("Slice", [whole, graph.int64([top, left]), ends, graph.int64([2, 3])])


@operation("sliding_windows")
def sliding_windows(graph: Graph, op: Operation) -> str:
    """Windows of ``size`` along ``axis``, ``stride`` apart: that axis becomes (windows, size)."""
    axis, size, stride = int(op.axis.val) % op.x.rank, int(op.size.val), int(op.stride.val)
    starts = range(0, int(op.x.shape[axis]) - size + 1, stride)
    index = np.array([[start + i for i in range(size)] for start in starts])
    return graph.node("Gather", [graph.value(op.x), graph.int64(index)], axis=axis)
