"""Activation functions."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from ..mil import Operation
from . import operation

_SAME = {"relu": "Relu", "sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign"}


@operation(*_SAME)
def same_in_onnx(graph: Graph, op: Operation) -> str:
    """The same function of the same shape in ONNX."""
    return graph.node(_SAME[op.op_type], [graph.value(op.x)])


def _per_channel(graph: Graph, op: Operation, name: str) -> str:
    """A constant of one value per channel, shaped to broadcast over (batch, channels, ...)."""
    values = np.asarray(getattr(op, name).val, np.float32)
    return graph.constant(values.reshape((1, -1) + (1,) * (op.x.rank - 2)))


@operation("clamped_relu")
def clamped_relu(graph: Graph, op: Operation) -> str:
    """min(beta, x) where x >= 0, else min(beta, alpha x)."""
    leaky = graph.node("LeakyRelu", [graph.value(op.x)], alpha=float(op.alpha.val))
    return graph.node("Min", [leaky, graph.float32(op.beta.val)])


@operation("elu")
def elu(graph: Graph, op: Operation) -> str:
    """x where x > 0, else alpha (exp(x) - 1)."""
    return graph.node("Elu", [graph.value(op.x)], alpha=float(op.alpha.val))


@operation("gelu")
def gelu(graph: Graph, op: Operation) -> str:
    """x times the normal distribution at x: exactly, or by tanh, or by sigmoid(1.702 x)."""
    x = graph.value(op.x)
    if op.mode.val == "EXACT":
        return graph.node("Gelu", [x], approximate="none")
    if op.mode.val == "TANH_APPROXIMATION":
        return graph.node("Gelu", [x], approximate="tanh")
    gate = graph.node("Sigmoid", [graph.node("Mul", [x, graph.float32(1.702)])])
    return graph.node("Mul", [x, gate])


@operation("leaky_relu")
def leaky_relu(graph: Graph, op: Operation) -> str:
    """x where x >= 0, else alpha x."""
    return graph.node("LeakyRelu", [graph.value(op.x)], alpha=float(op.alpha.val))


@operation("linear_activation")
def linear_activation(graph: Graph, op: Operation) -> str:
    """alpha x + beta."""
    scaled = graph.node("Mul", [graph.value(op.x), graph.float32(op.alpha.val)])
    return graph.node("Add", [scaled, graph.float32(op.beta.val)])


@operation("prelu")
def prelu(graph: Graph, op: Operation) -> str:
    """x where x > 0, else alpha x; ``x`` (batch, channels, ...), ``alpha`` (channels)."""
    return graph.node("PRelu", [graph.value(op.x), _per_channel(graph, op, "alpha")])


@operation("relu6")
def relu6(graph: Graph, op: Operation) -> str:
    """x between 0 and 6."""
    return graph.node("Clip", [graph.value(op.x), graph.float32(0), graph.float32(6)])


@operation("scaled_tanh")
def scaled_tanh(graph: Graph, op: Operation) -> str:
    """alpha tanh(beta x)."""
    inner = graph.node("Mul", [graph.value(op.x), graph.float32(op.beta.val)])
    return graph.node("Mul", [graph.node("Tanh", [inner]), graph.float32(op.alpha.val)])


@operation("sigmoid_hard")
def sigmoid_hard(graph: Graph, op: Operation) -> str:
    """alpha x + beta, between 0 and 1."""
    return graph.node(
        "HardSigmoid", [graph.value(op.x)], alpha=float(op.alpha.val), beta=float(op.beta.val)
    )


@operation("silu")
def silu(graph: Graph, op: Operation) -> str:
    """x sigmoid(x)."""
    x = graph.value(op.x)
    return graph.node("Mul", [x, graph.node("Sigmoid", [x])])


@operation("softmax")
def softmax(graph: Graph, op: Operation) -> str:
    """exp(x) over its sum along ``axis``."""
    return graph.node("Softmax", [graph.value(op.x)], axis=int(op.axis.val))


@operation("softplus_parametric")
def softplus_parametric(graph: Graph, op: Operation) -> str:
    """alpha log(1 + exp(beta x)); ``x`` (batch, channels, ...), ``alpha`` and ``beta``
    (channels)."""
    inner = graph.node("Mul", [graph.value(op.x), _per_channel(graph, op, "beta")])
    return graph.node("Mul", [graph.node("Softplus", [inner]), _per_channel(graph, op, "alpha")])


@operation("thresholded_relu")
def thresholded_relu(graph: Graph, op: Operation) -> str:
    """Unlike ONNX's, the threshold itself passes."""
    x = graph.value(op.x)
    passes = graph.node("GreaterOrEqual", [x, graph.float32(op.alpha.val)])
    return graph.node("Where", [passes, x, graph.float32(0)])
