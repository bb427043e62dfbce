"""Non-maximum suppression (a part of the tensor operations)."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from ..mil import Operation
from . import operation

NO_SCORE = -3.4e38


@operation("non_maximum_suppression")
def non_maximum_suppression(graph: Graph, op: Operation) -> list[str]:
    """The best boxes of every image, in the order of their scores, padded to ``max_boxes``.

    A box counts with its best class alone; with ``per_class_suppression`` boxes of different
    classes do not suppress each other. Where no box is left, the best one is given. From iOS17 on
    the boxes are the last axis, and the count of boxes is not given.
    """
    boxes, scores = graph.value(op.boxes), graph.value(op.scores)
    last = getattr(op, "score_threshold", None) is None
    if last:
        boxes, scores = (graph.node("Transpose", [x], perm=[0, 2, 1]) for x in (boxes, scores))
    images = [_one_image(graph, op, boxes, scores, i) for i in range(int(op.boxes.shape[0]))]
    results = [graph.node("Concat", list(parts), axis=0) for parts in zip(*images, strict=True)]
    if last:
        moved = [graph.node("Transpose", [x], perm=[0, 2, 1]) for x in results[:2]]
        return [*moved, results[2]]
    return results


def _row(graph: Graph, x: str, index: int) -> str:
    return graph.node("Slice", [x, graph.int64([index]), graph.int64([index + 1])])


def _one_image(graph: Graph, op: Operation, boxes: str, scores: str, image: int) -> list[str]:
    """Boxes (1, max, 4), scores (1, max, K), indices (1, max) and count (1,) of one image."""
    boxes, scores = _row(graph, boxes, image), _row(graph, scores, image)
    chosen, count = _chosen(graph, op, boxes, scores)
    limit = int(op.max_boxes.val)
    padding = graph.int64(-np.ones(limit))
    padded = _first(graph, graph.node("Concat", [chosen, padding], axis=0), graph.int64([limit]))
    kept = graph.node("GreaterOrEqual", [padded, graph.int64(0)])
    keep = graph.node("Unsqueeze", [graph.cast(kept, "float32"), graph.int64([0, 2])])
    places = graph.node("Max", [padded, graph.int64(0)])
    outputs = [
        graph.node("Mul", [graph.node("Gather", [x, places], axis=1), keep])
        for x in (boxes, scores)
    ]
    indices = graph.cast(graph.node("Unsqueeze", [padded, graph.int64([0])]), "int32")
    return [*outputs, indices, graph.cast(count, "int32")]


def _first(graph: Graph, x: str, count: str) -> str:
    return graph.node("Slice", [x, graph.int64([0]), count])


def _chosen(graph: Graph, op: Operation, boxes: str, scores: str) -> tuple[str, str]:
    """Indices of the boxes left, the best first, and their number."""
    best = graph.node("ReduceMax", [scores, graph.int64([2])], keepdims=0)
    rivals = graph.node("Unsqueeze", [best, graph.int64([1])])
    if op.per_class_suppression.val:
        rivals = _by_class(graph, op, scores, rivals)
    limit = graph.int64([int(op.max_boxes.val)])
    least = op.score_threshold.val if hasattr(op, "score_threshold") else NO_SCORE
    # MIL rejects scores below the threshold, ONNX those that equal it too.
    below = np.nextafter(np.float32(least), np.float32(-np.inf))
    thresholds = [
        graph.constant(np.atleast_1d(np.float32(value))) for value in (op.iou_threshold.val, below)
    ]
    found = graph.node("NonMaxSuppression", [boxes, rivals, limit, *thresholds], center_point_box=1)
    flat = graph.node("Squeeze", [best, graph.int64([0])])
    indices = graph.node("Gather", [found, graph.int64(2)], axis=1)
    number = graph.node("Shape", [indices])
    own = graph.node("Gather", [flat, indices], axis=0)
    _, order = graph.node_of(2, "TopK", [own, number], axis=0)
    indices = graph.node("Gather", [indices, order], axis=0)
    fallback = graph.node("ArgMax", [flat], axis=0, keepdims=1)
    count = graph.node("Max", [graph.node("Min", [number, limit]), graph.int64([1])])
    candidates = graph.node("Concat", [indices, fallback], axis=0)
    return _first(graph, candidates, count), count


def _by_class(graph: Graph, op: Operation, scores: str, best: str) -> str:
    """(1, K, boxes): a box's best score in the row of its best class, less than any elsewhere."""
    axis = 2 if hasattr(op, "score_threshold") else 1
    classes = int(op.scores.shape[axis])
    winner = graph.node("ArgMax", [scores], axis=2, keepdims=0)
    rows = graph.int64(np.arange(classes).reshape(1, -1, 1))
    own = graph.node("Equal", [graph.node("Unsqueeze", [winner, graph.int64([1])]), rows])
    return graph.node("Where", [own, best, graph.float32(-np.inf)])
