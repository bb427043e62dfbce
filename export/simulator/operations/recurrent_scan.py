"""Recurrent layers step by step, where ONNX's own operators do not do as MIL does: a clipped cell
(ONNX clips the inputs of the gates instead), and states rounded to half precision at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto, helper

from ..constants import stored
from ..errors import SimulatorError
from ..graph import Graph, carrier, mil_type
from ..mil import Operation, Variable

Step = Callable[[Graph, Operation, str, list[str], str], list[str]]
"""(graph of the loop body, operation, end of the weights' names, states, input) -> new states, the
hidden one first."""

_CURVES = {"sigmoid": "Sigmoid", "tanh": "Tanh", "scaled_tanh": "Tanh", "relu": "Relu"}


def needs_steps(graph: Graph, op: Operation) -> bool:
    """Whether an operation is one that ONNX's own operator does not repeat."""
    clipped = getattr(op, "clip", None) is not None
    return clipped or (graph.precision == "float16" and mil_type(op.outputs[0]) == "float16")


def resets_after(op: Operation) -> bool:
    """Whether a GRU resets the product of its state and not the state, as PyTorch does (iOS18)."""
    flag = getattr(op, "reset_after", None)
    return flag is not None and bool(flag.val)


def scan(graph: Graph, op: Operation, step: Step, states: Sequence[str]) -> list[str]:
    """All steps (or the last), and the last of every state, as MIL's operation gives them."""
    if op.direction.val != "bidirectional":
        return _one_way(graph, op, step, "", states, back=op.direction.val == "reverse")
    halves = [graph.node_of(2, "Split", [name], axis=1, num_outputs=2) for name in states]
    there = _one_way(graph, op, step, "", [half[0] for half in halves])
    behind = [half[1] for half in halves]
    back = _one_way(graph, op, step, "_back", behind, back=True, in_time=True)
    return [graph.node("Concat", list(pair), axis=-1) for pair in zip(there, back, strict=True)]


def _one_way(
    graph: Graph,
    op: Operation,
    step: Step,
    end: str,
    states: Sequence[str],
    back: bool = False,
    in_time: bool = False,
) -> list[str]:
    """One direction; the steps of ``back`` come in the order taken, or in time's order."""
    inner = Graph(graph.precision, parent=graph)
    names = [inner.fresh("state") for _ in states]
    x = inner.fresh("step")
    kind = mil_type(op.outputs[0])
    results = [inner.round_to(name, kind) for name in step(inner, op, end, names, x)]
    infos = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in group]
        for group in ([*names, x], [*results, inner.node("Identity", [results[0]])])
    ]
    *last, steps = graph.node_of(
        len(states) + 1,
        "Scan",
        [*states, graph.value(op.x)],
        body=inner.proto(inner.fresh("steps"), *infos),
        num_scan_inputs=1,
        scan_input_directions=[int(back)],
        scan_output_directions=[int(in_time)],
    )
    if not op.output_sequence.val:
        steps = graph.node("Unsqueeze", [last[0], graph.int64([0])])
    return [steps, *last]


def rnn_step(graph: Graph, op: Operation, end: str, states: list[str], x: str) -> list[str]:
    """One step of a plain recurrent layer in the body of a Scan: the new state from the old one and
    the input ``x``. ``end`` is what the names of the weights end in, by direction.
    """
    (total,) = _gates(graph, op, end, 1, x, states[0])
    return [_curve(graph, op.activation, total)]


def gru_step(graph: Graph, op: Operation, end: str, states: list[str], x: str) -> list[str]:
    """MIL's gates come in the order reset, output, update; the reset is applied to the state
    before its product, or to the product."""
    (hidden,) = states
    entered = graph.node("MatMul", [x, _transposed(graph, op, "weight_ih", end)])
    if (input_bias := _given(op, "input_bias" + end)) is not None:
        entered = graph.node("Add", [entered, graph.constant(input_bias)])
    enters = _split(graph, 3, entered)
    weights = np.split(_weight(op, "weight_hh" + end), 3)
    biases = _given(op, "bias" + end)
    shifts = [None] * 3 if biases is None else np.split(biases, 3)

    def recurred(place: int, state: str) -> str:
        product = graph.node("MatMul", [state, graph.constant(weights[place].T)])
        shift = shifts[place]
        return product if shift is None else graph.node("Add", [product, graph.constant(shift)])

    def gate(place: int) -> str:
        total = graph.node("Add", [enters[place], recurred(place, hidden)])
        return _curve(graph, op.recurrent_activation, total)

    reset, update = gate(0), gate(2)
    if resets_after(op):
        recurrent = graph.node("Mul", [reset, recurred(1, hidden)])
    else:
        recurrent = recurred(1, graph.node("Mul", [reset, hidden]))
    new = _curve(graph, op.activation, graph.node("Add", [enters[1], recurrent]))
    kept = graph.node("Mul", [update, graph.node("Sub", [hidden, new])])
    return [graph.node("Add", [new, kept])]


def lstm_step(graph: Graph, op: Operation, end: str, states: list[str], x: str) -> list[str]:
    """MIL's formulas; its gates come in the order input, forget, output, cell."""
    hidden, cell = states
    enter, forget, leave, new = _gates(graph, op, end, 4, x, hidden)
    peephole = _given(op, "peephole" + end)
    peepholes = [None] * 3 if peephole is None else np.split(peephole, 3)

    def gate(value: str, peephole: np.ndarray | None, looked_at: str) -> str:
        if peephole is not None:
            seen = graph.node("Mul", [looked_at, graph.constant(peephole)])
            value = graph.node("Add", [value, seen])
        return _curve(graph, op.recurrent_activation, value)

    kept = graph.node("Mul", [gate(forget, peepholes[1], cell), cell])
    added = graph.node(
        "Mul", [gate(enter, peepholes[0], cell), _curve(graph, op.cell_activation, new)]
    )
    cell = graph.node("Add", [kept, added])
    if op.clip is not None:
        bound = float(op.clip.val)
        cell = graph.node("Clip", [cell, graph.float32(-bound), graph.float32(bound)])
    hidden = graph.node(
        "Mul", [gate(leave, peepholes[2], cell), _curve(graph, op.activation, cell)]
    )
    return [hidden, cell]


def _gates(graph: Graph, op: Operation, end: str, count: int, x: str, hidden: str) -> list[str]:
    """The inputs of the gates: ``x @ weight_ih.T + hidden @ weight_hh.T + bias``, in parts."""
    products = [
        graph.node("MatMul", [value, _transposed(graph, op, name, end)])
        for value, name in ((x, "weight_ih"), (hidden, "weight_hh"))
    ]
    total, bias = graph.node("Add", products), _given(op, "bias" + end)
    if bias is not None:
        total = graph.node("Add", [total, graph.constant(bias)])
    return [total] if count == 1 else _split(graph, count, total)


def _split(graph: Graph, count: int, value: str) -> list[str]:
    return graph.node_of(count, "Split", [value], axis=1, num_outputs=count)


def _transposed(graph: Graph, op: Operation, name: str, end: str) -> str:
    return graph.constant(_weight(op, name + end).T)


def _weight(op: Operation, name: str) -> np.ndarray:
    weight = _given(op, name)
    if weight is None:
        raise SimulatorError(f"{name} is missing, or is not a constant")
    return weight


def _given(op: Operation, name: str) -> np.ndarray | None:
    var = getattr(op, name, None)
    value = None if var is None else stored(var)
    return None if value is None else carrier(value)


def _curve(graph: Graph, name: Variable, value: str) -> str:
    """An activation with MIL's default values, which make ``scaled_tanh`` a ``tanh``."""
    kind = str(name.val)
    if kind == "linear":
        return value
    if kind in ("hard_sigmoid", "sigmoid_hard"):
        return graph.node("HardSigmoid", [value], alpha=0.2, beta=0.5)
    if kind not in _CURVES:
        raise SimulatorError(f"activation {kind!r} is not known")
    return graph.node(_CURVES[kind], [value])
