"""Values that stay from one prediction to the next (iOS18)."""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from . import operation


@operation("read_state")
def read_state(graph: Graph, op: Any) -> str:
    return graph.states[op.input]


@operation("coreml_update_state")
def coreml_update_state(graph: Graph, op: Any) -> str:
    graph.states[op.state] = graph.value(op.value)
    return graph.states[op.state]
