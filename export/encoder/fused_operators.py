"""A model with the attention of a layer as one operator of ONNX, which ONNX Runtime has a kernel
for: it reads the heads where they lie, without a transposition."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from export.encoder.layers import Attention, attend


class AttentionOperator(torch.autograd.Function):
    """`attend`; traced, ONNX's Attention (since opset 23), whose mask has a row for each query."""

    @staticmethod
    def forward(_context: Any, *arguments: Any) -> torch.Tensor:
        """What `attend` gives for the same arguments."""
        return attend(*arguments)

    @staticmethod
    def symbolic(
        graph: Any, query: Any, key: Any, value: Any, mask: Any, heads: int, scale: float
    ) -> object:
        """The nodes of ONNX for one call. The mask (batch, 1, 1, length) gets a row for each query;
        scores are divided by ``scale``.
        """
        one = graph.op("Constant", value_t=torch.tensor([1]))
        length = graph.op("Shape", mask, start_i=3)
        rows = graph.op("Expand", mask, graph.op("Concat", one, one, length, one, axis_i=0))
        numbers = {"q_num_heads_i": heads, "kv_num_heads_i": heads, "scale_f": 1 / scale}
        return graph.op("Attention", query, key, value, rows, **numbers).setType(query.type())


def in_fused_operators(model: nn.Module) -> nn.Module:
    """The model, with the attention of its layers replaced in place."""
    for layer in model.modules():
        if isinstance(layer, Attention):
            layer.attend = AttentionOperator.apply
    return model
