"""Values that stay from one prediction to the next (iOS18)."""

from __future__ import annotations

from typing import Any

from export.simulator.operations import operation


@operation("read_state")
def read_state(graph: Any, op: Any) -> str:
    return graph.states[op.input]


@operation("coreml_update_state")
def coreml_update_state(graph: Any, op: Any) -> str:
    graph.states[op.state] = graph.value(op.value)
    return graph.states[op.state]
