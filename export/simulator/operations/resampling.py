"""Reading an image at given coordinates."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from ..mil import Operation
from . import operation
from .sampling import axis_size, clipped


def _onto_pixels(graph: Graph, op: Operation, coordinates: str, size: str) -> str:
    """Coordinates in pixels: 0 is the middle of the first one."""
    mode = str(op.coordinates_mode.val)
    if mode == "unnormalized":
        return coordinates
    if mode == "normalized_minus_one_to_one":
        shifted = graph.node("Add", [coordinates, graph.float32(1)])
        coordinates = graph.node("Mul", [shifted, graph.float32(0.5)])
    if op.align_corners.val:
        return graph.node("Mul", [coordinates, graph.node("Sub", [size, graph.float32(1)])])
    whole = graph.node("Mul", [coordinates, size])
    return graph.node("Sub", [whole, graph.float32(0.5)])


def _mirrored(graph: Graph, places: str, reach: str) -> str:
    """Places folded into [0, reach]; a reach of 0 has the place 0 alone."""
    reach = graph.node("Max", [reach, graph.float32(1e-6)])
    period = graph.node("Add", [reach, reach])
    turns = graph.node("Floor", [graph.node("Div", [places, period])])
    within = graph.node("Sub", [places, graph.node("Mul", [turns, period])])
    back = graph.node("Abs", [graph.node("Sub", [within, reach])])
    return graph.node("Sub", [reach, back])


def _folded(graph: Graph, op: Operation, places: str, size: str) -> str:
    """Places outside of the image brought onto it, as the padding mode says."""
    mode = str(op.padding_mode.val)
    if mode == "constant":
        return places
    if mode == "reflection":
        places = _mirrored(graph, places, graph.node("Sub", [size, graph.float32(1)]))
    elif mode == "symmetric":
        half = graph.float32(0.5)
        places = _mirrored(graph, graph.node("Add", [places, half]), size)
        places = graph.node("Sub", [places, half])
    return clipped(graph, places, size)


def _sampled(graph: Graph, op: Operation, columns: str, rows: str) -> str:
    """The image at places (batch, H, W, 1) in pixels; outside lies ``padding_value``."""
    x, grid = graph.value(op.x), []
    for places, axis in ((columns, 3), (rows, 2)):
        size = axis_size(graph, x, axis)
        doubled = graph.node("Mul", [places, graph.float32(2)])
        shifted = graph.node("Add", [doubled, graph.float32(1)])
        # ONNX's grid without aligned corners, which is defined for a size of 1 too.
        share = graph.node("Div", [shifted, size])
        grid.append(graph.node("Sub", [share, graph.float32(1)]))
    padding = float(np.float32(op.padding_value.val)) if op.padding_mode.val == "constant" else 0.0
    if padding:
        x = graph.node("Sub", [x, graph.float32(padding)])
    result = graph.node(
        "GridSample",
        [x, graph.node("Concat", grid, axis=-1)],
        mode="linear" if op.sampling_mode.val == "bilinear" else "nearest",
        padding_mode="zeros",
        align_corners=0,
    )
    return graph.node("Add", [result, graph.float32(padding)]) if padding else result


@operation("resample")
def resample(graph: Graph, op: Operation) -> str:
    """The image at given places: bilinear, or the nearest pixel."""
    coordinates = graph.cast(graph.value(op.coordinates), "float32")
    parts = graph.node_of(2, "Split", [coordinates], axis=3, num_outputs=2)
    places = []
    for part, axis in zip(parts, (3, 2), strict=True):
        size = axis_size(graph, graph.value(op.x), axis)
        places.append(_folded(graph, op, _onto_pixels(graph, op, part, size), size))
    return _sampled(graph, op, *places)


@operation("affine")
def affine(graph: Graph, op: Operation) -> str:
    """``x' = a0 x + a1 y + a2``, ``y' = b0 x + b1 y + b2`` in coordinates from -1 to 1."""
    height, width = int(op.output_height.val), int(op.output_width.val)
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"
    )
    basis = np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1)
    matrix = graph.node("Reshape", [graph.value(op.transform_matrix), graph.int64([-1, 2, 3])])
    moved = graph.node("MatMul", [matrix, graph.float32(basis)])
    parts = graph.node_of(2, "Split", [moved], axis=1, num_outputs=2)
    batch = graph.node("Shape", [graph.value(op.x)], start=0, end=1)
    places = []
    for part, axis in zip(parts, (3, 2), strict=True):
        shaped = graph.node("Reshape", [part, graph.int64([-1, height, width, 1])])
        # One matrix serves all images of the batch.
        whole = graph.node("Concat", [batch, graph.int64([1, 1, 1])], axis=0)
        shaped = graph.node("Expand", [shaped, whole])
        size = axis_size(graph, graph.value(op.x), axis)
        places.append(_onto_pixels(graph, op, shaped, size))
    return _sampled(graph, op, *places)
