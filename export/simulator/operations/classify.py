"""The label and the probabilities of a classifier."""

from __future__ import annotations

from ..graph import Graph
from ..mil import Operation
from . import operation


@operation("classify")
def classify(graph: Graph, op: Operation) -> list[str]:
    """The index of the best class and the flat probabilities; ONNX has no values of text, so the
    simulator puts the names of the classes to them after the run."""
    flat = graph.node("Reshape", [graph.value(op.probabilities), graph.int64([-1])])
    best = graph.cast(graph.node("ArgMax", [flat], axis=0, keepdims=1), "int32")
    return [best, flat]
