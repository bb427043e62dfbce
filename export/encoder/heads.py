"""The heads: hidden states (batch, length, width) and mask -> the outputs of a task."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from distill.families.family import Head
from export.checkpoint.activations import ACTIVATIONS, MODULE_ACTIVATIONS
from export.checkpoint.configuration import EncoderConfig
from export.checkpoint.sentence_modules import SentenceModules, Step
from export.encoder.layers import MASKED, at_least

Outputs = tuple[torch.Tensor, ...]


class TokenHead(nn.Module):
    """A dense layer on every position, behind a transform and a norm where the family has them:
    logits (batch, length, rows)."""

    def __init__(self, config: EncoderConfig, head: Head, rows: int) -> None:
        super().__init__()
        width = config.width
        if "transform" in head.parts:
            inner = config.embedding_width if head.kind == "vocabulary" else width
            self.transform = nn.Linear(width, inner, bias=bool(config.setting("head_bias")))
            width = inner
            self.activation = ACTIVATIONS[config.activation_of(head)]
        if "norm" in head.parts:
            bias = bool(config.setting("norm_bias"))
            self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps, bias=bias)
        decoder = head.kind == "vocabulary"
        self.dense = nn.Linear(
            width, rows, bias=not decoder or bool(config.setting("decoder_bias"))
        )

    def transformed(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the dense layer reads: (..., width of the transform, else that of the model)."""
        if hasattr(self, "transform"):
            hidden = self.activation(self.transform(hidden))
        return self.norm(hidden) if hasattr(self, "norm") else hidden

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        """``hidden`` (batch, length, width) and ``mask`` (batch, length) -> the outputs that the
        class names; every head takes these two."""
        return (self.dense(self.transformed(hidden)),)


class SplitVocabularyHead(TokenHead):
    """Logits of a vocabulary whose embeddings are narrower than the layers: the channels beyond
    them have a matrix of their own, (channels, rows)."""

    def __init__(self, config: EncoderConfig, head: Head, rows: int) -> None:
        super().__init__(config, head, rows)
        self.narrow = config.embedding_width
        self.dense = nn.Linear(self.narrow, rows)
        if config.width > self.narrow:
            self.rest = nn.Linear(rows, config.width - self.narrow, bias=False)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        ready = self.transformed(hidden)
        logits = self.dense(ready[:, :, : self.narrow])
        if hasattr(self, "rest"):
            logits = logits + torch.matmul(ready[:, :, self.narrow :], self.rest.weight)
        return (logits,)


class SpanHead(TokenHead):
    """Start and end logits, each (batch, length)."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        logits = self.dense(self.transformed(hidden))
        return logits[:, :, 0], logits[:, :, 1]


class FirstTokenHead(TokenHead):
    """Class logits (batch, rows) from the first token."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        return (self.dense(self.transformed(hidden[:, 0])),)


class MeanTokenHead(TokenHead):
    """Class logits (batch, rows) from the mean over the tokens."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        return (self.dense(self.transformed(_mean(hidden, mask.to(hidden.dtype)))),)


class HiddenStates(nn.Module):
    """The hidden states themselves (batch, length, width)."""

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        """``hidden`` (batch, length, width) as it is."""
        return (hidden,)


HEADS: dict[str, type[TokenHead]] = {
    "token": TokenHead,
    "vocabulary": TokenHead,
    "split_vocabulary": SplitVocabularyHead,
    "span": SpanHead,
    "first_token": FirstTokenHead,
    "mean_token": MeanTokenHead,
}
"""By the kind that a family's record names."""


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The weights are made first, so that no sum overflows half precision on long texts."""
    weights = mask / mask.sum(dim=1, keepdim=True)
    return (hidden * weights[:, :, None]).sum(dim=1)


def _mean_sqrt(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask / torch.sqrt(mask.sum(dim=1, keepdim=True))
    return (hidden * weights[:, :, None]).sum(dim=1)


def _weighted_mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Later positions count more: 1, 2, 3, … by place from the first token of the mask on, in parts
    of the length."""
    places = torch.cumsum(torch.cumsum(mask, dim=1).clamp(0.0, 1.0), dim=1)
    weights = mask * places / mask.shape[1]
    weights = weights / weights.sum(dim=1, keepdim=True)
    return (hidden * weights[:, :, None]).sum(dim=1)


def _max(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (hidden + ((1.0 - mask) * MASKED)[:, :, None]).amax(dim=1)


def _first(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The first that the mask has, as `sentence-transformers` takes it: not the first position."""
    earlier = torch.cumsum(mask, dim=1) - mask
    chosen = mask * (1.0 - earlier.clamp(0.0, 1.0))
    return (hidden * chosen[:, :, None]).sum(dim=1)


def _last(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 where as many tokens were counted as there are, else 0."""
    later = mask.sum(dim=1, keepdim=True) - torch.cumsum(mask, dim=1)
    chosen = mask * (1.0 - later.clamp(0.0, 1.0))
    return (hidden * chosen[:, :, None]).sum(dim=1)


POOLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}


class Normalize(nn.Module):
    """(batch, width) to length 1. The largest number is divided out first: squares overflow half
    precision."""

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """(batch, width), each row of length 1."""
        scaled = vector / at_least(vector.abs().amax(dim=1, keepdim=True), 1e-4)
        return scaled / at_least(torch.sqrt((scaled * scaled).sum(dim=1, keepdim=True)), 1e-4)


class Dense(nn.Module):
    """A linear layer and its activation: (batch, columns) -> (batch, rows) of its weight."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        rows, columns = step.weights["weight"].shape
        self.linear = nn.Linear(columns, rows, bias="bias" in step.weights, device="cpu")
        self.linear.load_state_dict(dict(step.weights))
        self.activation = MODULE_ACTIVATIONS[step.activation]

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """(batch, columns) -> (batch, rows)."""
        return self.activation(self.linear(vector))


def _layer_norm(step: Step) -> nn.Module:
    norm = nn.LayerNorm(step.weights["weight"].shape[0], device="cpu")
    norm.load_state_dict(dict(step.weights))
    return norm


STEP_MODULES: dict[str, Callable[[Step], nn.Module]] = {
    "Normalize": lambda _: Normalize(),
    "Dense": Dense,
    "LayerNorm": _layer_norm,
}


class SentenceEmbedding(nn.Module):
    """One vector a text, (batch, width): poolings side by side, then the modules behind them."""

    def __init__(self, modules: SentenceModules) -> None:
        super().__init__()
        self.pooling = [POOLINGS[mode] for mode in modules.pooling]
        self.steps = nn.ModuleList(STEP_MODULES[step.kind](step) for step in modules.steps)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> Outputs:
        """``hidden`` (batch, length, width), ``mask`` (batch, length) -> (batch, width)."""
        attended = mask.to(hidden.dtype)
        vectors = [pool(hidden, attended) for pool in self.pooling]
        vector = vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=1)
        for step in self.steps:
            vector = step(vector)
        return (vector,)
