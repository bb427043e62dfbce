"""Choice and repetition."""

from __future__ import annotations

from typing import Any

from export.simulator.operations import operation


@operation("select")
def select(graph: Any, op: Any) -> str:
    condition = graph.cast(graph.value(op.cond), "bool")
    return graph.node("Where", [condition, graph.value(op.a), graph.value(op.b)])
