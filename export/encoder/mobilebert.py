"""MobileBERT's encoder (arXiv 2004.02984), in both layouts."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from distill.console.errors import UserError
from export.checkpoint.activations import ACTIVATIONS
from export.checkpoint.configuration import EncoderConfig
from export.encoder.bert import Encoder
from export.encoder.layers import Attention, ChannelAttention, ChannelNorm

MOST_FEED_FORWARDS = 64
"""Feed-forward layers of one layer; the published models have 2 and 4."""

DEFAULT_EPS = 1e-5
"""Of PyTorch: `transformers` gives two of the norms no other, whatever the configuration says."""


class NoNorm(nn.Module):
    """A scale and a shift by channel in the place of a norm."""

    def __init__(self, width: int, eps: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, length, width) -> the same."""
        return hidden * self.weight + self.bias


class ChannelNoNorm(NoNorm):
    """`NoNorm` for (batch, width, 1, length)."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, width, 1, length) -> the same."""
        return hidden * self.weight[:, None, None] + self.bias[:, None, None]


NORMS: dict[str, dict[str, type[nn.Module]]] = {
    "standard": {"no_norm": NoNorm, "layer_norm": nn.LayerNorm},
    "ane": {"no_norm": ChannelNoNorm, "layer_norm": ChannelNorm},
}
"""By layout and by the configuration's name for it."""


class BottleneckLayer(Attention):
    """Attention and several feed-forward layers in a narrow width, between a projection that
    enters and one that leaves it. The values of the attention are of the wide states."""

    layout: ClassVar[str] = "standard"

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        inner, wide = inner_width(config), config.width
        self.bottleneck = bool(config.setting("bottleneck"))
        self.narrow_values = bool(config.setting("bottleneck_attention"))
        self.heads, self.head_width = config.heads, inner // config.heads
        self.scale = math.sqrt(self.head_width)
        if self.bottleneck:
            self.entry, self.entry_norm = self.linear(wide, inner), self.norm(config, inner)
            self.exit, self.exit_norm = self.linear(inner, wide), self.norm(config, wide)
            if config.setting("shared_bottleneck"):
                self.attention_entry = self.linear(wide, inner)
                self.attention_entry_norm = self.norm(config, inner)
        self.query, self.key = self.linear(inner, inner), self.linear(inner, inner)
        self.value = self.linear(inner if self.narrow_values else wide, inner)
        self.output, self.attention_norm = self.linear(inner, inner), self.norm(config, inner)
        self.up = self.linear(inner, config.intermediate)
        self.down = self.linear(config.intermediate, inner)
        self.output_norm = self.norm(config, inner, DEFAULT_EPS)
        extra = range(int(config.setting("feed_forwards")) - 1)
        self.extra_ups = nn.ModuleList(self.linear(inner, config.intermediate) for _ in extra)
        self.extra_downs = nn.ModuleList(self.linear(config.intermediate, inner) for _ in extra)
        self.extra_norms = nn.ModuleList(self.norm(config, inner) for _ in extra)
        self.activation = ACTIVATIONS[config.activation]

    def norm(self, config: EncoderConfig, width: int, eps: float | None = None) -> nn.Module:
        """The norm that the configuration names, for ``width`` channels of this layout."""
        kind = NORMS[self.layout][str(config.setting("norm"))]
        return kind(width, eps=config.layer_norm_eps if eps is None else eps)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """``hidden`` and ``mask`` as those of a `Layer` of the same layout."""
        narrow = self.entry_norm(self.entry(hidden)) if self.bottleneck else hidden
        asked = narrow
        if self.bottleneck and not self.narrow_values:
            asked = self.attention_entry_norm(self.attention_entry(hidden))
        mixed = self.attention(asked, mask, narrow if self.narrow_values else hidden)
        state: torch.Tensor = self.attention_norm(self.output(mixed) + narrow)
        extra = zip(self.extra_ups, self.extra_downs, self.extra_norms, strict=True)
        for up, down, norm in extra:
            state = norm(down(self.activation(up(state))) + state)
        state = self.output_norm(self.down(self.activation(self.up(state))) + state)
        if not self.bottleneck:
            return state
        wide: torch.Tensor = self.exit_norm(self.exit(state) + hidden)
        return wide


class ChannelBottleneckLayer(ChannelAttention, BottleneckLayer):
    """`BottleneckLayer` for (batch, width, 1, length)."""

    layout = "ane"


class MobileBertEncoder(Encoder):
    """Each embedding is that of a token beside those of its two neighbours, projected."""

    layer_types: ClassVar[dict[str, type[nn.Module]]] = {
        "standard": BottleneckLayer,
        "ane": ChannelBottleneckLayer,
    }

    def make_embeddings(self, config: EncoderConfig, segments: bool) -> None:
        check(config)
        super().make_embeddings(config, segments)
        width, narrow = config.width, config.embedding_width
        self.three_tokens = bool(config.setting("three_tokens"))
        self.position_embeddings = nn.Embedding(config.positions, width)
        if config.segments:
            self.token_type_embeddings = nn.Embedding(config.segments, width)
        self.embedding_projection = nn.Linear(3 * narrow if self.three_tokens else narrow, width)
        kind = NORMS["standard"][str(config.setting("norm"))]
        self.add_module("embedding_norm", kind(width, eps=DEFAULT_EPS))

    @classmethod
    def part_names(cls, config: EncoderConfig) -> dict[str, str]:
        names = super().part_names(config)
        for ours, theirs in config.family.repeated_parts.items():
            for index in range(int(config.setting("feed_forwards")) - 1):
                names[f"{ours}.{index}"] = theirs.format(index)
        return names

    def embed(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        """(batch, length) -> (batch, length, width)."""
        hidden = self.projected(self.word_embeddings(input_ids)) + self.positions(input_ids)
        hidden = self.with_segments(hidden, token_type_ids)
        normal: torch.Tensor = self.embedding_norm(hidden)
        return normal

    def projected(self, words: torch.Tensor) -> torch.Tensor:
        """A token with its neighbours is a convolution; the weight is stored as that of a linear
        map of the next token, the token itself and the one before, side by side."""
        projection = self.embedding_projection
        if self.three_tokens:
            after, own, before = projection.weight.chunk(3, dim=1)
            kernel = torch.stack((before, own, after), dim=2)
            mixed = F.conv1d(words.transpose(1, 2), kernel, projection.bias, padding=1)
            return mixed.transpose(1, 2)
        return projection(words) if words.shape[2] != projection.out_features else words


def inner_width(config: EncoderConfig) -> int:
    """The width of the layers between the bottlenecks."""
    return int(config.setting("inner_width")) if config.setting("bottleneck") else config.width


def check(config: EncoderConfig) -> None:
    """
    Raises:
        UserError: sizes that do not fit, or settings that `transformers` itself cannot compute.
    """
    inner, count = inner_width(config), int(config.setting("feed_forwards"))
    if inner < 1 or inner % config.heads:
        raise UserError(f"config.json: width {inner} does not divide by {config.heads} heads")
    if not 1 <= count <= MOST_FEED_FORWARDS:
        raise UserError(
            f"config.json: num_feedforward_networks {count} is not supported (expected 1 to "
            f"{MOST_FEED_FORWARDS})"
        )
    if not config.setting("bottleneck"):
        return
    if not config.setting("shared_bottleneck") and not config.setting("bottleneck_attention"):
        raise UserError(
            "config.json: key_query_shared_bottleneck False needs use_bottleneck_attention"
        )
