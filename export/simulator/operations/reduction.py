"""Reductions over axes."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, is_float
from ..mil import Operation
from . import operation

_SAME = {
    "reduce_l1_norm": "ReduceL1",
    "reduce_l2_norm": "ReduceL2",
    "reduce_log_sum_exp": "ReduceLogSumExp",
    "reduce_max": "ReduceMax",
    "reduce_mean": "ReduceMean",
    "reduce_min": "ReduceMin",
    "reduce_prod": "ReduceProd",
    "reduce_sum": "ReduceSum",
    "reduce_sum_square": "ReduceSumSquare",
}


def _reduce(graph: Graph, op: Operation, kind: str, x: str) -> str:
    axes = [] if op.axes is None else [graph.int64(np.atleast_1d(op.axes.val))]
    return graph.node(kind, [x, *axes], keepdims=int(op.keep_dims.val))


@operation(*_SAME)
def same_in_onnx(graph: Graph, op: Operation) -> str:
    """The same reduction of ``axes`` in ONNX; integers are computed in 64 bits, returned in 32."""
    x = graph.value(op.x)
    if is_float(op.x):
        return _reduce(graph, op, _SAME[op.op_type], x)
    reduced = _reduce(graph, op, _SAME[op.op_type], graph.cast(x, "int64"))
    return graph.cast(reduced, "int32")


@operation("reduce_log_sum")
def reduce_log_sum(graph: Graph, op: Operation) -> str:
    """Integers have a logarithm as floats, which is cut to an integer."""
    x = graph.cast(graph.value(op.x), "float32")
    logarithm = graph.node("Log", [_reduce(graph, op, "ReduceSum", x)])
    return logarithm if is_float(op.x) else graph.cast(logarithm, "int32")


@operation("reduce_argmax", "reduce_argmin")
def reduce_arg(graph: Graph, op: Operation) -> str:
    """The place of the largest or the least along ``axis``, int32; the first of equal ones."""
    kind = "ArgMax" if op.op_type == "reduce_argmax" else "ArgMin"
    index = graph.node(
        kind, [graph.value(op.x)], axis=int(op.axis.val), keepdims=int(op.keep_dims.val)
    )
    return graph.cast(index, "int32")
