"""Boxes of an image, each resized to one size."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from ..mil import Operation
from . import operation
from .sampling import (
    axis_size,
    clipped,
    grid_points,
    inside,
    interpolate,
    swapped,
    tent,
)


@operation("crop_resize")
def crop_resize(graph: Graph, op: Operation) -> str:
    """Every box is sampled by a matrix of its own for rows and for columns.

    Up to iOS16 the boxes are ``roi`` (N, 1, 4 or 5, 1, 1) and the result has an axis for the
    images; of five values the first says which image. From iOS17 on they are ``boxes`` (N, 4).
    """
    images, boxes = _images(graph, op)
    # A float even where the program says uint16: places may lie between pixels.
    boxes = graph.cast(boxes, "float32")
    image = graph.value(op.x)
    result, within = images, []
    matrices = []
    for axis, (start, end) in enumerate(_edges(graph, op, boxes)):
        size = axis_size(graph, image, 2 + axis)
        start, end = (_in_pixels(graph, op, edge, size) for edge in (start, end))
        extent = graph.node("Add", [graph.node("Sub", [end, start]), graph.float32(1)])
        count = graph.float32((op.target_height, op.target_width)[axis].val)
        places = grid_points(graph, str(op.sampling_mode.val), extent, count)
        points = graph.node("Add", [start, places])
        within.append(inside(graph, points, size))
        weights = tent(graph, clipped(graph, points, size), size)
        matrices.append(graph.node("Unsqueeze", [weights, graph.int64([1, 2])]))
    result = interpolate(graph, result, matrices[0], swapped(graph, matrices[1], 5))
    if getattr(op, "pad_value", None) is not None:
        result = _padded(graph, op, result, within)
    if getattr(op, "boxes", None) is not None:
        result = graph.node("Squeeze", [result, graph.int64([1])])
    return result


def _images(graph: Graph, op: Operation) -> tuple[str, str]:
    """The image of every box, (N or 1, images, channels, H, W), and the boxes, (N, 4)."""
    x = graph.value(op.x)
    if getattr(op, "boxes", None) is not None:
        boxes, chosen = graph.value(op.boxes), graph.as_int64(op.box_indices)
    else:
        boxes = graph.node("Squeeze", [graph.value(op.roi), graph.int64([1, 3, 4])])
        if int(op.roi.shape[2]) == 4:
            return graph.node("Unsqueeze", [x, graph.int64([0])]), boxes
        axis = graph.int64([1])
        first = graph.node("Slice", [boxes, graph.int64([0]), graph.int64([1]), axis])
        chosen = graph.cast(graph.node("Squeeze", [first, axis]), "int64")
        boxes = graph.node("Slice", [boxes, graph.int64([1]), graph.int64([5]), axis])
    gathered = graph.node("Gather", [x, chosen], axis=0)
    return graph.node("Unsqueeze", [gathered, graph.int64([1])]), boxes


def _edges(graph: Graph, op: Operation, boxes: str) -> list[tuple[str, str]]:
    """(start, end) of height and of width, each (N, 1)."""
    parts = graph.node_of(4, "Split", [boxes], axis=1, num_outputs=4)
    mode = str(op.box_coordinate_mode.val)
    order = (0, 1, 2, 3) if mode.endswith("HEIGHT_FIRST") else (1, 0, 3, 2)
    top, left, bottom, right = (parts[i] for i in order)
    if mode.startswith("CORNERS"):
        return [(top, bottom), (left, right)]
    edges = []
    for centre, size in ((top, bottom), (left, right)):
        half = graph.node("Mul", [size, graph.float32(0.5)])
        edges.append((graph.node("Sub", [centre, half]), graph.node("Add", [centre, half])))
    return edges


def _in_pixels(graph: Graph, op: Operation, edge: str, size: str) -> str:
    if op.normalized_coordinates.val:
        edge = graph.node("Mul", [edge, graph.node("Sub", [size, graph.float32(1)])])
    return graph.node("Mul", [edge, graph.float32(op.spatial_scale.val)])


def _padded(graph: Graph, op: Operation, result: str, within: list[str]) -> str:
    """``pad_value`` at the samples that lie outside of the image."""
    rows = graph.node("Unsqueeze", [within[0], graph.int64([1, 2, 4])])
    columns = graph.node("Unsqueeze", [within[1], graph.int64([1, 2, 3])])
    padding = graph.float32(np.float32(op.pad_value.val))
    return graph.node("Where", [graph.node("And", [rows, columns]), result, padding])
