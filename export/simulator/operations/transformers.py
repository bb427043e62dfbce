"""Attention."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, mil_type
from ..mil import Operation
from . import operation


@operation("scaled_dot_product_attention")
def scaled_dot_product_attention(graph: Graph, op: Operation) -> str:
    """``softmax(query @ key.T / sqrt(width) + mask) @ value``; a boolean mask keeps the true."""
    width = float(op.query.shape[-1])
    axes = [*range(op.key.rank - 2), op.key.rank - 1, op.key.rank - 2]
    key = graph.node("Transpose", [graph.value(op.key)], perm=axes)
    scores = graph.node("MatMul", [graph.value(op.query), key])
    scores = graph.node("Mul", [scores, graph.float32(width**-0.5)])
    if op.attn_mask is not None:
        mask = graph.value(op.attn_mask)
        if mil_type(op.attn_mask) == "bool":
            least = graph.float32(-np.inf)
            mask = graph.node("Where", [mask, graph.float32(0), least])
        scores = graph.node("Add", [scores, mask])
    weights = graph.node("Softmax", [scores], axis=-1)
    return graph.node("MatMul", [weights, graph.value(op.value)])
