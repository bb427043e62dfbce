"""Recurrent layers, as ONNX has them; the gates only come in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..constants import stored
from ..errors import SimulatorError
from ..graph import Graph, carrier
from ..mil import Operation, Variable
from . import operation
from .recurrent_scan import (
    gru_step,
    lstm_step,
    needs_steps,
    resets_after,
    rnn_step,
    scan,
)

_ACTIVATIONS = {
    "sigmoid": ("Sigmoid", 0.0, 0.0),
    "tanh": ("Tanh", 0.0, 0.0),
    "relu": ("Relu", 0.0, 0.0),
    "linear": ("Affine", 1.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 0.2, 0.5),
    "sigmoid_hard": ("HardSigmoid", 0.2, 0.5),
    "scaled_tanh": ("Tanh", 0.0, 0.0),  # MIL's defaults for it are 1 and 1
}
_PARAMETRIC = {"Affine", "HardSigmoid"}
_LSTM_ORDER = (0, 2, 1, 3)  # MIL: input, forget, output, cell; ONNX: input, output, forget, cell
_PEEPHOLE_ORDER = (0, 2, 1)
_GRU_ORDER = (2, 0, 1)  # MIL: reset, output, update; ONNX: update, reset, hidden


def _activations(*names: Variable, directions: int = 1) -> dict[str, object]:
    kinds_asked = [str(name.val) for name in names]
    for kind in kinds_asked:
        if kind not in _ACTIVATIONS:
            raise SimulatorError(f"activation {kind!r} is not known")
    chosen = [_ACTIVATIONS[kind] for kind in kinds_asked] * directions
    kinds = [kind for kind, _, _ in chosen]
    # ONNX Runtime hands the parameters out to the functions that take some, in order.
    taken = [pair[1:] for pair in chosen if pair[0] in _PARAMETRIC]
    if not taken:
        return {"activations": kinds}
    alphas, betas = zip(*taken, strict=True)
    return {"activations": kinds, "activation_alpha": alphas, "activation_beta": betas}


def _gates(var: Variable | None, order: tuple[int, ...], width: int) -> np.ndarray:
    """The rows of a weight or bias with its gates in ONNX's order; zeros when not given."""
    if var is None:
        return np.zeros(len(order) * width, np.float32)
    weight = stored(var)
    if weight is None:
        raise SimulatorError(f"{var.name} is not a constant")
    parts = np.split(carrier(weight), len(order))
    return np.concatenate([parts[i] for i in order])


def _with_recurrent(bias: np.ndarray) -> np.ndarray:
    """ONNX's bias has a half for the input and a half for the state; MIL gives their sum."""
    return np.concatenate([np.zeros_like(bias), bias])


def _input(graph: Graph, op: Operation) -> str:
    """The sequence, reversed in time for the reverse direction: MIL gives the steps of the result
    in the order in which they were taken."""
    x = graph.value(op.x)
    if op.direction.val != "reverse":
        return x
    bounds = [graph.int64([-1]), graph.int64([-(2**63)]), graph.int64([0]), graph.int64([-1])]
    return graph.node("Slice", [x, *bounds])


_VIEWS = ("cast", "expand_dims", "identity", "reshape", "slice_by_index", "split", "squeeze")


def _filled_with(var: Variable) -> Any:
    """The number that a value is filled with everywhere, whatever its size; None where that is not
    known."""
    source = var.op
    if source is None:
        return None
    if source.op_type == "fill":
        return source.value.val
    if source.op_type == "concat":
        first, *others = [_filled_with(part) for part in source.values]
        return first if all(number == first for number in others) else None
    return _filled_with(source.x) if source.op_type in _VIEWS else None


def _state_in(graph: Graph, op: Operation, var: Variable) -> str:
    """An initial state (batch, width). One that is filled with one number has the batch of ``x``,
    whatever size the program gives it: for a packed sequence coremltools takes the greatest length
    for the batch, and Core ML does not mind."""
    number = _filled_with(var)
    if number is None:
        return graph.value(var)
    batch = graph.node("Shape", [graph.value(op.x)], start=1, end=2)
    shape = graph.node("Concat", [batch, graph.int64([int(var.shape[1])])], axis=0)
    return graph.node("Expand", [graph.float32(number), shape])


def _initial(graph: Graph, op: Operation, var: Variable, directions: int, width: int) -> str:
    """(batch, directions * width) -> (directions, batch, width)."""
    shape = graph.int64([0, directions, width])
    split = graph.node("Reshape", [_state_in(graph, op, var), shape])
    return graph.node("Transpose", [split], perm=[1, 0, 2])


def _steps(graph: Graph, op: Operation, steps: str, last: str, directions: int, width: int) -> str:
    """All steps (length, batch, directions * width), or the last one alone."""
    if not op.output_sequence.val:
        return graph.node("Unsqueeze", [_state(graph, last, directions, width), graph.int64(0)])
    moved = graph.node("Transpose", [steps], perm=[0, 2, 1, 3])
    return graph.node("Reshape", [moved, graph.int64([0, 0, directions * width])])


def _state(graph: Graph, name: str, directions: int, width: int) -> str:
    """(directions, batch, width) -> (batch, directions * width)."""
    moved = graph.node("Transpose", [name], perm=[1, 0, 2])
    return graph.node("Reshape", [moved, graph.int64([0, directions * width])])


@operation("rnn")
def rnn(graph: Graph, op: Operation) -> list[str]:
    """``x`` (length, batch, inputs) -> all states or the last, and the last; states (batch,
    width)."""
    if needs_steps(graph, op):
        return scan(graph, op, rnn_step, [_state_in(graph, op, op.initial_h)])
    width = int(op.weight_hh.shape[1])
    inputs = [
        _input(graph, op),
        graph.constant(_gates(op.weight_ih, (0,), width)[None]),
        graph.constant(_gates(op.weight_hh, (0,), width)[None]),
        graph.constant(_with_recurrent(_gates(op.bias, (0,), width))[None]),
        "",
        _initial(graph, op, op.initial_h, 1, width),
    ]
    steps, last = graph.node_of(2, "RNN", inputs, hidden_size=width, **_activations(op.activation))
    return [_steps(graph, op, steps, last, 1, width), _state(graph, last, 1, width)]


@operation("gru")
def gru(graph: Graph, op: Operation) -> list[str]:
    """``x`` (length, batch, inputs) -> all states or the last, and the last; states (batch,
    width)."""
    if needs_steps(graph, op):
        return scan(graph, op, gru_step, [_state_in(graph, op, op.initial_h)])
    width = int(op.weight_hh.shape[1])
    biases = [_gates(var, _GRU_ORDER, width) for var in (getattr(op, "input_bias", None), op.bias)]
    inputs = [
        _input(graph, op),
        graph.constant(_gates(op.weight_ih, _GRU_ORDER, width)[None]),
        graph.constant(_gates(op.weight_hh, _GRU_ORDER, width)[None]),
        graph.constant(np.concatenate(biases)[None]),
        "",
        _initial(graph, op, op.initial_h, 1, width),
    ]
    steps, last = graph.node_of(
        2,
        "GRU",
        inputs,
        hidden_size=width,
        linear_before_reset=int(resets_after(op)),
        **_activations(op.recurrent_activation, op.activation),
    )
    return [_steps(graph, op, steps, last, 1, width), _state(graph, last, 1, width)]


@operation("lstm")
def lstm(graph: Graph, op: Operation) -> list[str]:
    """``x`` (length, batch, inputs) -> all states or the last, the last, and the last cell; states
    (batch, width), or (batch, 2 width) with both directions."""
    width = int(op.weight_hh.shape[1])
    both = op.direction.val == "bidirectional"
    if needs_steps(graph, op):
        starts = [_state_in(graph, op, var) for var in (op.initial_h, op.initial_c)]
        return scan(graph, op, lstm_step, starts)
    directions = 2 if both else 1
    ends = ("", "_back")[:directions]

    def stacked(name: str, order: tuple[int, ...]) -> np.ndarray:
        return np.stack([_gates(getattr(op, name + end, None), order, width) for end in ends])

    biases = np.stack([_with_recurrent(bias) for bias in stacked("bias", _LSTM_ORDER)])
    inputs = [
        _input(graph, op),
        graph.constant(stacked("weight_ih", _LSTM_ORDER)),
        graph.constant(stacked("weight_hh", _LSTM_ORDER)),
        graph.constant(biases),
        "",
        _initial(graph, op, op.initial_h, directions, width),
        _initial(graph, op, op.initial_c, directions, width),
        graph.constant(stacked("peephole", _PEEPHOLE_ORDER)),
    ]
    steps, last, cell = graph.node_of(
        3,
        "LSTM",
        inputs,
        hidden_size=width,
        direction="bidirectional" if both else "forward",
        **_activations(
            op.recurrent_activation, op.cell_activation, op.activation, directions=directions
        ),
    )
    return [
        _steps(graph, op, steps, last, directions, width),
        _state(graph, last, directions, width),
        _state(graph, cell, directions, width),
    ]
