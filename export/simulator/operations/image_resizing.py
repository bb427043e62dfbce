"""Resizing and cropping of (batch, channels, height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.simulator.operations import operation

_SAMPLING = {
    "STRICT_ALIGN_CORNERS": "align_corners",
    "ALIGN_CORNERS": "align_corners",
    "DEFAULT": "asymmetric",
    "OFFSET_CORNERS": "half_pixel",
    "UNALIGN_CORNERS": "half_pixel",
}


def _resize(
    graph: Any, op: Any, mode: str, coordinates: str, scales: str = "", sizes: str = ""
) -> str:
    return str(
        graph.node(
            "Resize",
            [graph.value(op.x), "", scales, sizes],
            mode=mode,
            coordinate_transformation_mode=coordinates,
            nearest_mode="floor" if mode == "nearest" else None,
        )
    )


def _scales(graph: Any, op: Any) -> str:
    factors = [float(op.scale_factor_height.val), float(op.scale_factor_width.val)]
    return str(graph.constant([1.0] * (op.x.rank - 2) + factors, np.float32))


def _sizes(graph: Any, op: Any, height: int, width: int) -> str:
    before = graph.node("Shape", [graph.value(op.x)], start=0, end=op.x.rank - 2)
    return str(graph.node("Concat", [before, graph.int64([height, width])], axis=0))


@operation("upsample_nearest_neighbor")
def upsample_nearest_neighbor(graph: Any, op: Any) -> str:
    return _resize(graph, op, "nearest", "asymmetric", scales=_scales(graph, op))


@operation("upsample_bilinear")
def upsample_bilinear(graph: Any, op: Any) -> str:
    half = getattr(op, "half_pixel_centers", None)
    if op.align_corners.val:
        coordinates = "align_corners"
    else:
        coordinates = "half_pixel" if half is None or half.val else "asymmetric"
    return _resize(graph, op, "linear", coordinates, scales=_scales(graph, op))


@operation("resize_nearest_neighbor")
def resize_nearest_neighbor(graph: Any, op: Any) -> str:
    sizes = _sizes(graph, op, int(op.target_size_height.val), int(op.target_size_width.val))
    return _resize(graph, op, "nearest", "asymmetric", sizes=sizes)


@operation("resize_bilinear")
def resize_bilinear(graph: Any, op: Any) -> str:
    sizes = _sizes(graph, op, int(op.target_size_height.val), int(op.target_size_width.val))
    return _resize(graph, op, "linear", _SAMPLING[str(op.sampling_mode.val)], sizes=sizes)


@operation("crop")
def crop(graph: Any, op: Any) -> str:
    (top, bottom), (left, right) = op.crop_height.val, op.crop_width.val
    height, width = (int(size) for size in op.x.shape[-2:])
    ends = graph.int64([height - int(bottom), width - int(right)])
    starts = graph.int64([int(top), int(left)])
    return graph.node("Slice", [graph.value(op.x), starts, ends, graph.int64([-2, -1])])
