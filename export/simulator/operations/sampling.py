"""Where a resized or resampled image looks at its source, in pixels of the source."""

from __future__ import annotations

import numpy as np

from ..errors import SimulatorError
from ..graph import Graph

# A point may miss the border by rounding alone: (1/3) * 3 is on it, not past it.
BORDER_SLACK = 1e-3


def axis_size(graph: Graph, x: str, axis: int) -> str:
    """The size of an axis as a float scalar, known at run time."""
    size = graph.node("Shape", [x], start=axis, end=axis + 1)
    scalar = graph.node("Reshape", [size, graph.int64(np.zeros(0, np.int64))])
    return graph.cast(scalar, "float32")


def grid_points(graph: Graph, mode: str, extent: str, count: str) -> str:
    """Places of ``count`` samples over ``extent`` source pixels, the first pixel being 0.

    Args:
        extent: float, a scalar or (boxes, 1); ``count``: float scalar.

    Returns:
        (count,) or (boxes, count): the formulas of MIL's ``resize_bilinear``, not yet clipped.

    Raises:
        SimulatorError: a sampling mode that MIL does not have.
    """
    zero, one, half = (graph.float32(value) for value in (0, 1, 0.5))
    index = graph.node("Range", [zero, count, one])
    reach = graph.node("Sub", [extent, one])
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        gaps = graph.node("Max", [graph.node("Sub", [count, one]), one])
        points = graph.node("Mul", [index, graph.node("Div", [reach, gaps])])
        if mode == "STRICT_ALIGN_CORNERS":
            return points
        alone = graph.node("Equal", [count, one])
        return graph.node("Where", [alone, graph.node("Mul", [reach, half]), points])
    if mode == "OFFSET_CORNERS":
        delta = graph.node("Div", [graph.node("Max", [reach, one]), count])
        return graph.node("Mul", [graph.node("Add", [index, half]), delta])
    spacing = graph.node("Div", [extent, count])
    if mode == "DEFAULT":
        return graph.node("Mul", [index, spacing])
    if mode == "UNALIGN_CORNERS":
        middle = graph.node("Mul", [graph.node("Add", [index, half]), spacing])
        return graph.node("Sub", [middle, half])
    raise SimulatorError(f"sampling mode {mode!r} is not known")


def clipped(graph: Graph, points: str, size: str) -> str:
    """Points moved onto the image, as MIL's formulas end."""
    last = graph.node("Sub", [size, graph.float32(1)])
    return graph.node("Min", [graph.node("Max", [points, graph.float32(0)]), last])


def inside(graph: Graph, points: str, size: str) -> str:
    """Which points are on the image, its border included."""
    last = graph.node("Sub", [size, graph.float32(1 - BORDER_SLACK)])
    above = graph.node("GreaterOrEqual", [points, graph.float32(-BORDER_SLACK)])
    return graph.node("And", [above, graph.node("LessOrEqual", [points, last])])


def tent(graph: Graph, points: str, size: str) -> str:
    """Linear interpolation as a matrix: (..., points) -> (..., points, size).

    A source pixel weighs ``max(0, 1 - distance)``; a row has at most two weights that are not 0.
    """
    pixels = graph.node("Range", [graph.float32(0), size, graph.float32(1)])
    apart = graph.node("Sub", [graph.node("Unsqueeze", [points, graph.int64([-1])]), pixels])
    closeness = graph.node("Sub", [graph.float32(1), graph.node("Abs", [apart])])
    return graph.node("Relu", [closeness])


def interpolate(graph: Graph, x: str, rows: str, columns: str) -> str:
    """(..., H, W) resampled by matrices (..., H2, H) and (..., W2, W)."""
    axes = graph.node("MatMul", [rows, x])
    return graph.node("MatMul", [axes, columns])


def swapped(graph: Graph, x: str, rank: int) -> str:
    """The last two axes of a tensor exchanged."""
    perm = [*range(rank - 2), rank - 1, rank - 2]
    return graph.node("Transpose", [x], perm=perm)
