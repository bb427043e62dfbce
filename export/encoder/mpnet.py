"""MPNet's encoder (arXiv 2004.09297): BERT's, with a bias for the distance of two tokens."""

from __future__ import annotations

import math

import torch
from torch import nn

from export.checkpoint.configuration import EncoderConfig
from export.encoder.bert import Encoder

FARTHEST = 128
"""Distances from here on share a bucket, as in `transformers`, where it cannot be set."""


class MPNetEncoder(Encoder):
    """One table of biases, by bucket and head, serves all layers."""

    def __init__(self, config: EncoderConfig, layout: str, segments: bool) -> None:
        super().__init__(config, layout, segments)
        self.relative_positions = nn.Embedding(int(config.setting("buckets")), config.heads)
        self.longest = config.positions
        # Of fixed size whatever the configuration says: `transformers` calls it with its default.
        self.register_buffer("buckets", distance_buckets(config.positions), persistent=False)
        places = torch.arange(config.positions, device="cpu")
        self.register_buffer("places", places, persistent=False)

    def leave_out_idle_heads(self) -> None:
        """None is left out: the table of biases has a column for each."""

    def biased(self, mask: torch.Tensor, length: int) -> torch.Tensor:
        """The mask with the bias of each distance: (1 or batch, heads, length, length), or
        (1 or batch, length, heads, length) with channels first."""
        places = self.get_buffer("places")[:length]
        distances = places[None, :] - places[:, None] + (self.longest - 1)
        buckets = self.get_buffer("buckets")[distances]
        biases: torch.Tensor = self.relative_positions(buckets)  # (queries, keys, heads)
        order = (1, 2, 0) if self.channels_first else (2, 0, 1)
        return biases.permute(order).unsqueeze(0) + mask


def distance_buckets(longest: int, buckets: int = 32) -> torch.Tensor:
    """The bucket of each distance from key to query, from -(longest - 1) to longest - 1."""
    distance = torch.arange(1 - longest, longest, device="cpu")
    half, near = buckets // 2, buckets // 4
    apart = distance.abs()
    steps = torch.log(apart.clamp(min=1).float() / near) / math.log(FARTHEST / near)
    far = (near + (steps * (half - near)).to(torch.long)).clamp(max=half - 1)
    return torch.where(apart < near, apart, far) + (distance > 0).long() * half
