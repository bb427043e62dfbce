"""Resizing and cropping of (..., height, width)."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, is_float
from ..mil import Operation
from . import operation
from .sampling import (
    axis_size,
    clipped,
    grid_points,
    interpolate,
    swapped,
    tent,
)

# Where ONNX's own operator has the same rule for every size.
_IN_ONNX = {
    "STRICT_ALIGN_CORNERS": "align_corners",
    "DEFAULT": "asymmetric",
    "UNALIGN_CORNERS": "half_pixel",
}


def _resize(
    graph: Graph, op: Operation, mode: str, coordinates: str, sizes: str, nearest: str = ""
) -> str:
    return graph.node(
        "Resize",
        [graph.value(op.x), "", "", sizes],
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode=nearest or None,
    )


def _sizes(graph: Graph, op: Operation, last: str) -> str:
    """The whole shape of a result whose last axes are the int64 vector ``last``."""
    before = graph.node("Shape", [graph.value(op.x)], start=0, end=op.x.rank - 2)
    return graph.node("Concat", [before, last], axis=0)


def _scaled_sizes(graph: Graph, op: Operation) -> str:
    """``floor(size * factor)`` of the last two axes, as MIL infers the shape."""
    factors = [np.float32(op.scale_factor_height.val), np.float32(op.scale_factor_width.val)]
    last = graph.node("Shape", [graph.value(op.x)], start=op.x.rank - 2, end=op.x.rank)
    scaled = graph.node("Mul", [graph.cast(last, "float32"), graph.float32(factors)])
    return graph.cast(graph.node("Floor", [scaled]), "int64")


def _target_sizes(graph: Graph, op: Operation) -> str:
    return graph.int64([int(op.target_size_height.val), int(op.target_size_width.val)])


def _linear(graph: Graph, op: Operation, mode: str, last: str) -> str:
    """Bilinear interpolation to the sizes ``last`` of the last two axes."""
    if mode in _IN_ONNX and op.x.rank == 4:
        return _resize(graph, op, "linear", _IN_ONNX[mode], _sizes(graph, op, last))
    x, weights = graph.value(op.x), []
    for place, axis in enumerate((op.x.rank - 2, op.x.rank - 1)):
        size = axis_size(graph, x, axis)
        count = graph.cast(graph.node("Gather", [last, graph.int64(place)]), "float32")
        points = clipped(graph, grid_points(graph, mode, size, count), size)
        weights.append(tent(graph, points, size))
    return interpolate(graph, x, weights[0], swapped(graph, weights[1], 2))


@operation("upsample_nearest_neighbor")
def upsample_nearest_neighbor(graph: Graph, op: Operation) -> str:
    """Height and width times the scale factors; each value is that of the place it comes from."""
    sizes = _sizes(graph, op, _scaled_sizes(graph, op))
    return _resize(graph, op, "nearest", "asymmetric", sizes, nearest="floor")


@operation("upsample_bilinear")
def upsample_bilinear(graph: Graph, op: Operation) -> str:
    """Height and width times the scale factors, between the four values around each place."""
    half = getattr(op, "half_pixel_centers", None)
    if op.align_corners.val:
        mode = "STRICT_ALIGN_CORNERS"
    else:
        mode = "UNALIGN_CORNERS" if half is None or half.val else "DEFAULT"
    return _linear(graph, op, mode, _scaled_sizes(graph, op))


@operation("resize_nearest_neighbor")
def resize_nearest_neighbor(graph: Graph, op: Operation) -> str:
    """(..., target height, target width); each value is that of the place it comes from."""
    sizes = _sizes(graph, op, _target_sizes(graph, op))
    return _resize(graph, op, "nearest", "asymmetric", sizes, nearest="floor")


@operation("resize_bilinear")
def resize_bilinear(graph: Graph, op: Operation) -> str:
    """(..., target height, target width), at the places that ``sampling_mode`` names."""
    return _linear(graph, op, str(op.sampling_mode.val), _target_sizes(graph, op))


@operation("resize")
def resize(graph: Graph, op: Operation) -> str:
    """The last ``resized_dims`` axes take the sizes that end ``shape``; a 0 keeps the size.

    The nearest pixel is the one that the place rounds to, not the one below it.
    """
    x, rank, count = graph.value(op.x), op.x.rank, int(op.resized_dims.val)
    given = graph.node("Slice", [graph.as_int64(op.shape), graph.int64([-count]), _end(graph)])
    own = graph.node("Shape", [x], start=rank - count, end=rank)
    kept = graph.node("Equal", [given, graph.int64(0)])
    last = graph.node("Where", [kept, own, given])
    mode = str(op.sampling_mode.val)
    floats = is_float(op.x)
    x = x if floats else graph.cast(x, "float32")
    for place in range(count):
        axis = rank - count + place
        size = axis_size(graph, x, axis)
        points = graph.cast(graph.node("Gather", [last, graph.int64(place)]), "float32")
        points = clipped(graph, grid_points(graph, mode, size, points), size)
        if op.interpolation_mode.val == "LINEAR":
            x = _along(graph, x, tent(graph, points, size), axis, rank)
        else:
            x = graph.node("Gather", [x, graph.cast(_rounded(graph, points), "int64")], axis=axis)
    return x if floats else graph.cast(x, "int32")


def _end(graph: Graph) -> str:
    return graph.int64([2**63 - 1])


def _rounded(graph: Graph, points: str) -> str:
    """To the nearest integer, a half downwards, so that doubling a size doubles every pixel."""
    return graph.node("Ceil", [graph.node("Sub", [points, graph.float32(0.5)])])


def _along(graph: Graph, x: str, weights: str, axis: int, rank: int) -> str:
    """A matrix (new size, old size) applied along one axis."""
    perm = [i for i in range(rank) if i != axis] + [axis]
    moved = graph.node("Transpose", [x], perm=perm)
    product = graph.node("MatMul", [moved, swapped(graph, weights, 2)])
    return graph.node("Transpose", [product], perm=np.argsort(perm).tolist())


@operation("crop")
def crop(graph: Graph, op: Operation) -> str:
    """A crop of 0 from the end keeps all, which a negative bound cannot say: add the size."""
    (top, bottom), (left, right) = op.crop_height.val, op.crop_width.val
    x, rank = graph.value(op.x), op.x.rank
    sizes = graph.node("Shape", [x], start=rank - 2, end=rank)
    ends = graph.node("Sub", [sizes, graph.int64([int(bottom), int(right)])])
    starts = graph.int64([int(top), int(left)])
    return graph.node("Slice", [x, starts, ends, graph.int64([rank - 2, rank - 1])])
