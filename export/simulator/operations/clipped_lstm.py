"""An LSTM whose cell is clipped, step by step: ONNX clips the inputs of the gates instead."""

from __future__ import annotations

from typing import Any

import numpy as np

from export import ExportError
from export.simulator.graph import carrier, stored

_CURVES = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}


def clipped_lstm(graph: Any, op: Any) -> list[str]:
    """The formulas of MIL's reference, unrolled over a length that must be known."""
    if not isinstance(op.x.shape[0], int | np.integer):
        raise ExportError("a clipped LSTM over a flexible length is not supported")
    steps = range(int(op.x.shape[0]))
    order = reversed(steps) if op.direction.val == "reverse" else steps
    hidden, cell = graph.value(op.initial_h), graph.value(op.initial_c)
    taken = []
    for step in order:
        x = graph.node("Gather", [graph.value(op.x), graph.int64(step)], axis=0)
        hidden, cell = _step(graph, op, x, hidden, cell)
        taken.append(graph.node("Unsqueeze", [hidden, graph.int64([0])]))
    kept = taken if op.output_sequence.val else taken[-1:]
    return [graph.node("Concat", kept, axis=0), hidden, cell]


def _step(graph: Any, op: Any, x: str, hidden: str, cell: str) -> tuple[str, str]:
    def weight(var: Any) -> str:
        return str(graph.constant(carrier(stored(var)).T))  # type: ignore[union-attr]

    gates = graph.node(
        "Add",
        [
            graph.node("MatMul", [x, weight(op.weight_ih)]),
            graph.node("MatMul", [hidden, weight(op.weight_hh)]),
        ],
    )
    if op.bias is not None:
        gates = graph.node("Add", [gates, graph.value(op.bias)])
    enter, forget, leave, new = graph.node("Split", [gates], outputs=4, axis=1, num_outputs=4)
    peepholes = [None] * 3
    if op.peephole is not None:
        peepholes = np.split(carrier(stored(op.peephole)), 3)  # type: ignore[arg-type]

    def gate(value: str, peephole: Any, looked_at: str) -> str:
        if peephole is not None:
            seen = graph.node("Mul", [looked_at, graph.constant(peephole)])
            value = graph.node("Add", [value, seen])
        return _curve(graph, op.recurrent_activation, value)

    kept = graph.node("Mul", [gate(forget, peepholes[1], cell), cell])
    added = graph.node(
        "Mul", [gate(enter, peepholes[0], cell), _curve(graph, op.cell_activation, new)]
    )
    bound = float(op.clip.val)
    limits = [graph.constant(value, np.float32) for value in (-bound, bound)]
    cell = graph.node("Clip", [graph.node("Add", [kept, added]), *limits])
    hidden = graph.node(
        "Mul", [gate(leave, peepholes[2], cell), _curve(graph, op.activation, cell)]
    )
    return hidden, cell


def _curve(graph: Any, name: Any, value: str) -> str:
    kind = str(name.val)
    if kind == "linear":
        return value
    if kind in ("hard_sigmoid", "sigmoid_hard"):
        return str(graph.node("HardSigmoid", [value], alpha=0.2, beta=0.5))
    if kind == "scaled_tanh":
        inner = graph.node("Mul", [value, graph.constant(2.0 / 3.0, np.float32)])
        outer = graph.constant(1.7159, np.float32)
        return str(graph.node("Mul", [graph.node("Tanh", [inner]), outer]))
    if kind not in _CURVES:
        raise ExportError(f"activation {kind!r} is not known")
    return str(graph.node(_CURVES[kind], [value]))
