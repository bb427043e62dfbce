"""ModernBERT's encoder (arXiv 2412.13663)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from distill.console.errors import UserError
from export.checkpoint.activations import ACTIVATIONS
from export.checkpoint.configuration import EncoderConfig
from export.encoder.bert import Encoder
from export.encoder.layers import (
    MASKED,
    ChannelLinear,
    ChannelNorm,
    attend_by_head,
    join_heads,
    split_heads,
)

GLOBAL, LOCAL = "full_attention", "sliding_attention"
BASES = {GLOBAL: "global_base", LOCAL: "local_base"}
"""Kind of attention -> our word for the base of its angles in older configurations."""


class ModernBertLayer(nn.Module):
    """Norms before attention and feed-forward layer, not behind them; the first layer takes the
    embeddings as they are, which have a norm of their own."""

    linear: ClassVar[type[nn.Linear]] = nn.Linear
    norm: ClassVar[type[nn.LayerNorm]] = nn.LayerNorm
    channels: ClassVar[int] = -1
    """The axis of channels."""

    def __init__(self, config: EncoderConfig, index: int) -> None:
        super().__init__()
        width, inner = config.width, config.intermediate
        self.heads = config.heads
        self.scale = math.sqrt(width // config.heads)
        bias, gated_bias = (
            bool(config.setting("attention_bias")),
            bool(config.setting("gated_bias")),
        )
        if index:
            self.attention_norm = norm_of(config, self.norm)
        self.query_key_value = self.linear(width, 3 * width, bias=bias)
        self.output = self.linear(width, width, bias=bias)
        self.gated_norm = norm_of(config, self.norm)
        self.gated = self.linear(width, 2 * inner, bias=gated_bias)
        self.down = self.linear(inner, width, bias=gated_bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(
        self, hidden: torch.Tensor, mask: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """``hidden`` (batch, length, width); ``mask`` (batch, 1, 1 or length, length) of 0 and
        `MASKED`; ``turn``: cosines and sines, each (length, half the width of a head)."""
        normal = self.attention_norm(hidden) if hasattr(self, "attention_norm") else hidden
        hidden = hidden + self.output(self.attention(normal, mask, turn))
        values, gate = self.gated(self.gated_norm(hidden)).chunk(2, dim=self.channels)
        transformed: torch.Tensor = hidden + self.down(self.activation(values) * gate)
        return transformed

    def attention(
        self, hidden: torch.Tensor, mask: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """The values that each head mixes, side by side, in the shape of ``hidden``."""
        projections = self.query_key_value(hidden).chunk(3, dim=-1)
        query, key, value = (split_heads(each, self.heads) for each in projections)
        query = turned(query / self.scale, *turn)
        scores = torch.matmul(query, turned(key, *turn).transpose(-1, -2)) + mask
        return join_heads(torch.matmul(torch.softmax(scores, dim=-1), value))


class ChannelModernBertLayer(ModernBertLayer):
    """`ModernBertLayer` for (batch, width, 1, length); ``mask`` (batch, length, 1, 1 or length),
    ``turn`` each (half the width of a head, 1, length)."""

    linear = ChannelLinear
    norm = ChannelNorm
    channels = 1

    def attention(
        self, hidden: torch.Tensor, mask: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """As in the standard layout, head by head."""
        query, key, value = (
            each.split(hidden.shape[1] // self.heads, dim=1)
            for each in self.query_key_value(hidden).chunk(3, dim=1)
        )
        queries = [turned(head, *turn, dim=1) for head in query]
        keys = [turned(head, *turn, dim=1).transpose(1, 3) for head in key]
        return attend_by_head(queries, keys, value, mask, self.scale)


LAYERS = {"standard": ModernBertLayer, "ane": ChannelModernBertLayer}


class ModernBertEncoder(Encoder):
    """Positions are in the attention alone: queries and keys are turned by angles that grow with
    the position (RoFormer, arXiv 2104.09864), by another base where attention is local."""

    by_position: ClassVar[tuple[str, ...]] = ("places", "cos_0", "sin_0", "cos_1", "sin_1")

    def make_embeddings(self, config: EncoderConfig, segments: bool) -> None:
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.embedding_norm = norm_of(config)
        self.final_norm = norm_of(config, ChannelNorm if self.channels_first else nn.LayerNorm)
        self.local = [kind == LOCAL for kind in layer_kinds(config)]
        self.reach = int(config.setting("window")) // 2
        places = torch.arange(config.positions, device="cpu")
        self.register_buffer("places", places, persistent=False)
        for local, base in enumerate(angle_bases(config)):
            angles = places[:, None].float() * frequencies(base, config.width // config.heads)
            self.register_buffer(f"cos_{local}", angles.cos(), persistent=False)
            self.register_buffer(f"sin_{local}", angles.sin(), persistent=False)

    def make_layers(self, config: EncoderConfig, layout: str) -> list[nn.Module]:
        return [LAYERS[layout](config, index) for index in range(config.layers)]

    def embed(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        """(batch, length) -> (batch, length, width); there are no segments, and no positions."""
        normal: torch.Tensor = self.embedding_norm(self.word_embeddings(input_ids))
        return normal

    def run(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        length = hidden.shape[3 if self.channels_first else 1]
        places = self.get_buffer("places")[:length]
        distant = (places[None, :] - places[:, None]).abs() > self.reach
        turns = [
            (self.get_buffer(f"cos_{each}")[:length], self.get_buffer(f"sin_{each}")[:length])
            for each in (0, 1)
        ]
        if self.channels_first:
            distant = distant[None, :, None, :]
            turns = [(cos.T[:, None, :], sin.T[:, None, :]) for cos, sin in turns]
        masks = (mask, mask + distant.to(hidden.dtype) * MASKED)
        for layer, local in zip(self.layers, self.local, strict=True):
            hidden = layer(hidden, masks[local], turns[local])
        normal: torch.Tensor = self.final_norm(hidden)
        return normal


def norm_of(config: EncoderConfig, kind: type[nn.LayerNorm] = nn.LayerNorm) -> nn.LayerNorm:
    """The family's norm, which has no bias unless the configuration asks for one."""
    bias = bool(config.setting("norm_bias"))
    return kind(config.width, eps=config.layer_norm_eps, bias=bias)


def turned(
    heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, dim: int = -1
) -> torch.Tensor:
    """Heads with their channels on ``dim``, each pair of channels (i, i + half) turned."""
    first, second = heads.chunk(2, dim=dim)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=dim)


def frequencies(base: float, width: int) -> torch.Tensor:
    """What an angle grows by with each position: one for each pair of channels of a head.

    Raises:
        UserError: heads of an odd number of channels.
    """
    if width % 2:
        raise UserError(
            f"config.json: heads of {width} channels cannot be rotated (expected an even number)"
        )
    steps = torch.arange(0, width, 2, dtype=torch.float, device="cpu")
    inverse: torch.Tensor = 1.0 / (base ** (steps / width))
    return inverse


def layer_kinds(config: EncoderConfig) -> list[str]:
    """`GLOBAL` or `LOCAL` for each layer; older configurations say every how many is global.

    Raises:
        UserError: the configuration has other kinds, or not one for each layer.
    """
    kinds = config.setting("layer_types")
    if kinds is None:
        every = int(config.setting("global_every"))
        kinds = [LOCAL if index % every else GLOBAL for index in range(config.layers)]
    if len(kinds) != config.layers or not {*kinds} <= {GLOBAL, LOCAL}:
        raise UserError(
            f"config.json: layer_types is {kinds} (expected {config.layers} of {GLOBAL}, {LOCAL})"
        )
    return list(kinds)


def angle_bases(config: EncoderConfig) -> list[float]:
    """The bases of the angles of global and of local attention.

    Raises:
        UserError: angles that are scaled in a way that is not supported.
    """
    stored: Mapping[str, Any] = config.setting("rotations") or {}
    bases = []
    for kind, word in BASES.items():
        rotation = stored.get(kind) or {}
        if rotation.get("rope_type", "default") != "default":
            raise UserError(f"config.json: rope_type {rotation['rope_type']!r} is not supported")
        bases.append(float(rotation.get("rope_theta", config.setting(word))))
    return bases
