"""An LSTM whose cell is clipped, as a scan: ONNX's own clips the inputs of the gates instead."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from export import ExportError
from export.simulator.graph import Graph, carrier, stored

_CURVES = {"sigmoid": "Sigmoid", "tanh": "Tanh", "scaled_tanh": "Tanh", "relu": "Relu"}


def clipped_lstm(graph: Graph, op: Any) -> list[str]:
    """All steps (or the last), the last hidden state and the last cell, as MIL's ``lstm``."""
    hidden, cell = graph.value(op.initial_h), graph.value(op.initial_c)
    if op.direction.val != "bidirectional":
        return _one_way(graph, op, "", hidden, cell, back=op.direction.val == "reverse")
    starts = [
        graph.node("Split", [name], outputs=2, axis=1, num_outputs=2) for name in (hidden, cell)
    ]
    there = _one_way(graph, op, "", starts[0][0], starts[1][0])
    back = _one_way(graph, op, "_back", starts[0][1], starts[1][1], back=True, in_time=True)
    return [graph.node("Concat", list(pair), axis=-1) for pair in zip(there, back, strict=True)]


def _one_way(
    graph: Graph,
    op: Any,
    end: str,
    hidden: str,
    cell: str,
    back: bool = False,
    in_time: bool = False,
) -> list[str]:
    """One direction; the steps of ``back`` come in the order taken, or in time's order."""
    inner = Graph(graph.precision, parent=graph)
    names = [inner.fresh(kind) for kind in ("hidden", "cell", "step")]
    results = _step(inner, op, end, *names)
    infos = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in group]
        for group in (names, [*results, inner.node("Identity", [results[0]])])
    ]
    last, cell, steps = graph.node(
        "Scan",
        [hidden, cell, graph.value(op.x)],
        outputs=3,
        body=inner.proto(inner.fresh("lstm"), *infos),
        num_scan_inputs=1,
        scan_input_directions=[int(back)],
        scan_output_directions=[int(in_time)],
    )
    if not op.output_sequence.val:
        steps = graph.node("Unsqueeze", [last, graph.int64([0])])
    return [steps, last, cell]


def _step(graph: Graph, op: Any, end: str, hidden: str, cell: str, x: str) -> tuple[str, str]:
    """MIL's formulas; its gates come in the order input, forget, output, cell."""

    def given(name: str) -> np.ndarray | None:
        var = getattr(op, name + end, None)
        return None if var is None else carrier(stored(var))  # type: ignore[arg-type]

    def product(value: str, name: str) -> str:
        weight = given(name)
        assert weight is not None
        return str(graph.node("MatMul", [value, graph.constant(weight.T)]))

    bias, peephole = given("bias"), given("peephole")
    gates = graph.node("Add", [product(x, "weight_ih"), product(hidden, "weight_hh")])
    if bias is not None:
        gates = graph.node("Add", [gates, graph.constant(bias)])
    enter, forget, leave, new = graph.node("Split", [gates], outputs=4, axis=1, num_outputs=4)
    peepholes = [None] * 3 if peephole is None else np.split(peephole, 3)

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
    limits = [graph.float32(value) for value in (-bound, bound)]
    cell = graph.node("Clip", [graph.node("Add", [kept, added]), *limits])
    hidden = graph.node(
        "Mul", [gate(leave, peepholes[2], cell), _curve(graph, op.activation, cell)]
    )
    return hidden, cell


def _curve(graph: Graph, name: Any, value: str) -> str:
    """An activation with MIL's default values, which make ``scaled_tanh`` a ``tanh``."""
    kind = str(name.val)
    if kind == "linear":
        return value
    if kind in ("hard_sigmoid", "sigmoid_hard"):
        return str(graph.node("HardSigmoid", [value], alpha=0.2, beta=0.5))
    if kind not in _CURVES:
        raise ExportError(f"activation {kind!r} is not known")
    return str(graph.node(_CURVES[kind], [value]))
