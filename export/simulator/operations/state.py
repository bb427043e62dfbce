"""Values that stay from one prediction to the next (iOS18)."""

from __future__ import annotations

from ..graph import Graph
from ..mil import Operation
from . import operation


@operation("read_state")
def read_state(graph: Graph, op: Operation) -> str:
    """The value of the state ``input`` as it is at this place of the program."""
    return graph.states[op.input]


@operation("coreml_update_state")
def coreml_update_state(graph: Graph, op: Operation) -> str:
    """The state ``state`` becomes ``value``, which is the result."""
    graph.states[op.state] = graph.value(op.value)
    return graph.states[op.state]
