"""Activation functions by the names that configurations use for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F

Activation = Callable[[torch.Tensor], torch.Tensor]
TANH_GELU = partial(F.gelu, approximate="tanh")

ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "gelu_new": TANH_GELU,
    "gelu_pytorch_tanh": TANH_GELU,
    "gelu_fast": TANH_GELU,
    "tanh": torch.tanh,
    "silu": F.silu,
}
"""Between layers, as ``hidden_act`` of a config.json names them."""


def _identity(values: torch.Tensor) -> torch.Tensor:
    return values


MODULE_ACTIVATIONS: dict[str, Activation] = {
    "Identity": _identity,
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "ReLU": F.relu,
    "GELU": F.gelu,
    "SiLU": F.silu,
}
"""Of a Dense module or a cross-encoder, as `sentence-transformers` names classes of PyTorch."""
