"""Making, joining and ordering tensors."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, carrier, is_float
from ..mil import Operation, Variable
from . import operation


@operation("shape")
def shape(graph: Graph, op: Operation) -> str:
    """The sizes of the axes of x, int32 (rank)."""
    return graph.cast(graph.node("Shape", [graph.value(op.x)]), "int32")


def _at_least_1d(graph: Graph, var: Variable) -> str:
    """MIL joins scalars as if they were vectors of one element."""
    name = graph.value(var)
    return name if var.rank else graph.node("Reshape", [name, graph.int64([1])])


@operation("concat")
def concat(graph: Graph, op: Operation) -> str:
    """``values`` joined along ``axis``; with ``interleave``, one slice of each in turn."""
    axis, rank = int(op.axis.val), op.values[0].rank
    names = [_at_least_1d(graph, var) for var in op.values]
    if op.interleave is None or not op.interleave.val:
        return graph.node("Concat", names, axis=axis)
    axis %= rank
    stacked = graph.node(
        "Concat",
        [graph.node("Unsqueeze", [name, graph.int64([axis + 1])]) for name in names],
        axis=axis + 1,
    )
    target = [0] * axis + [-1] + [int(size) for size in op.values[0].shape[axis + 1 :]]
    return graph.node("Reshape", [stacked, graph.int64(target)])


@operation("stack")
def stack(graph: Graph, op: Operation) -> str:
    """``values`` of one shape joined along a new axis ``axis``."""
    axis = int(op.axis.val)
    parts = [graph.node("Unsqueeze", [graph.value(v), graph.int64([axis])]) for v in op.values]
    return graph.node("Concat", parts, axis=axis)


@operation("split")
def split(graph: Graph, op: Operation) -> list[str]:
    """The parts of x along ``axis``, of the sizes that the outputs have."""
    sizes = [int(var.shape[int(op.axis.val)]) for var in op.outputs]
    return graph.node_of(
        len(sizes),
        "Split",
        [graph.value(op.x), graph.int64(sizes)],
        axis=int(op.axis.val),
    )


@operation("fill")
def fill(graph: Graph, op: Operation) -> str:
    """A tensor of ``shape`` that holds ``value`` everywhere."""
    value = carrier(np.asarray(op.value.val))
    return graph.node("Expand", [graph.constant(value), graph.as_int64(op.shape)])


@operation("fill_like")
def fill_like(graph: Graph, op: Operation) -> str:
    """A tensor of the shape of ``ref_tensor`` that holds ``value`` everywhere."""
    size = graph.node("Shape", [graph.value(op.ref_tensor)])
    return graph.node("Expand", [graph.constant(carrier(np.asarray(op.value.val))), size])


@operation("tile")
def tile(graph: Graph, op: Operation) -> str:
    """x repeated ``reps[i]`` times along axis i."""
    return graph.node("Tile", [graph.value(op.x), graph.as_int64(op.reps)])


@operation("range_1d")
def range_1d(graph: Graph, op: Operation) -> str:
    """``start``, ``start + step``, ... as far as ``end``, which is left out."""
    return graph.node("Range", [graph.value(op.start), graph.value(op.end), graph.value(op.step)])


@operation("one_hot")
def one_hot(graph: Graph, op: Operation) -> str:
    """Made of zeros and ones first: ONNX Runtime lacks the kernel for other pairs of integers."""
    size = graph.node("Reshape", [graph.as_int64(op.one_hot_vector_size), graph.int64([1])])
    ones = graph.node(
        "OneHot",
        [graph.as_int64(op.indices), size, graph.float32([0, 1])],
        axis=int(op.axis.val),
    )
    values = [graph.value(op.on_value), graph.value(op.off_value)]
    return graph.node("Where", [graph.cast(ones, "bool"), *values])


@operation("pad")
def pad(graph: Graph, op: Operation) -> str:
    """MIL gives (before, after) pairs of the last axes, ONNX all befores and then all afters.
    Constant pads of all axes, and a constant value, so that ONNX Runtime fuses them into what
    comes after."""
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}[op.mode.val]
    x = graph.value(op.x)
    value = [_padding(graph, op)] if op.constant_val is not None and mode == "constant" else []
    if op.pad.val is not None:
        given = np.asarray(op.pad.val).reshape(-1, 2)
        pairs = np.concatenate([np.zeros((op.x.rank - len(given), 2), int), given])
        return graph.node("Pad", [x, graph.int64(pairs.T.ravel()), *value], mode=mode)
    halves = graph.node("Reshape", [graph.as_int64(op.pad), graph.int64([-1, 2])])
    pads = graph.node(
        "Reshape", [graph.node("Transpose", [halves], perm=[1, 0]), graph.int64([-1])]
    )
    axes = range(op.x.rank - op.pad.shape[0] // 2, op.x.rank)
    return graph.node("Pad", [x, pads, *(value or [""]), graph.int64(list(axes))], mode=mode)


def _padding(graph: Graph, op: Operation) -> str:
    """What a constant padding holds, in the type that carries the data."""
    if not is_float(op.x):
        return graph.value(op.constant_val)
    if op.constant_val.val is not None:
        return graph.float32(op.constant_val.val)
    return graph.cast(graph.value(op.constant_val), "float32")


@operation("cumsum")
def cumsum(graph: Graph, op: Operation) -> str:
    """Sums along ``axis`` up to each element: without itself if ``exclusive``, from the end if
    ``reverse``."""
    return graph.node(
        "CumSum",
        [graph.value(op.x), graph.constant(op.axis.val, np.int32)],
        exclusive=int(op.exclusive.val),
        reverse=int(op.reverse.val),
    )


@operation("argsort")
def argsort(graph: Graph, op: Operation) -> str:
    """The places of the elements of x along ``axis`` in order, int32; the largest first unless
    ``ascending``."""
    axis = int(op.axis.val) % op.x.rank
    size = graph.node("Shape", [graph.value(op.x)], start=axis, end=axis + 1)
    _, index = graph.node_of(
        2, "TopK", [graph.value(op.x), size], axis=axis, largest=int(not op.ascending.val)
    )
    return graph.cast(index, "int32")


@operation("topk")
def topk(graph: Graph, op: Operation) -> list[str]:
    """Sorted also where the program does not ask for it: that leaves any order right."""
    count = graph.node("Reshape", [graph.as_int64(op.k), graph.int64([1])])
    values, index = graph.node_of(
        2,
        "TopK",
        [graph.value(op.x), count],
        axis=int(op.axis.val),
        largest=int(not op.ascending.val),
        sorted=1,
    )
    wanted = getattr(op, "return_indices", None)
    indices = graph.cast(index, "int32")
    return [values, indices] if wanted is None or wanted.val else [values]


@operation("band_part")
def band_part(graph: Graph, op: Operation) -> str:
    """Keep ``lower`` diagonals below and ``upper`` above the main one; -1 keeps all."""
    x, lower, upper = graph.value(op.x), int(op.lower.val), int(op.upper.val)
    if upper >= 0:
        x = graph.node("Trilu", [x, graph.int64(upper)], upper=0)
    if lower >= 0:
        x = graph.node("Trilu", [x, graph.int64(-lower)], upper=1)
    return x


@operation("non_zero")
def non_zero(graph: Graph, op: Operation) -> str:
    """The indices of the elements that are not 0, int32 (elements, rank)."""
    places = graph.node("NonZero", [graph.value(op.x)])
    return graph.cast(graph.node("Transpose", [places], perm=[1, 0]), "int32")


@operation("flatten2d")
def flatten2d(graph: Graph, op: Operation) -> str:
    """(product of the axes before ``axis``, product of the others)."""
    return graph.node("Flatten", [graph.value(op.x)], axis=int(op.axis.val))
