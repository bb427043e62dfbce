"""ALBERT's encoder (arXiv 1909.11942): BERT's layers, the same few of them run again and again."""

from __future__ import annotations

import torch
from torch import nn

from distill.console.errors import UserError
from export.checkpoint.configuration import EncoderConfig
from export.encoder.bert import Encoder

MOST_INNER = 32
"""Layers of a group; the published models have one."""


class AlbertEncoder(Encoder):
    """Groups of layers with weights of their own; each group serves its share of the depth. The
    embeddings are projected even where they are as wide as the layers."""

    def __init__(self, config: EncoderConfig, layout: str, segments: bool) -> None:
        super().__init__(config, layout, segments)
        self.embedding_projection = nn.Linear(config.embedding_width, config.width)
        self.inner_layers = int(config.setting("inner_layers"))
        share = config.layers / int(config.setting("groups"))
        self.order = [int(index / share) for index in range(config.layers)]

    @classmethod
    def layer_names(cls, config: EncoderConfig) -> list[str]:
        groups, inner = int(config.setting("groups")), int(config.setting("inner_layers"))
        if not 1 <= groups <= config.layers or not 1 <= inner <= MOST_INNER:
            raise UserError(
                f"config.json has {groups} groups of {inner} layers for a depth of {config.layers} "
                f"(expected 1 to {config.layers} groups of at most {MOST_INNER})"
            )
        first = config.family.layer
        return [
            f"{first.replace('.0.', f'.{group}.')}.{layer}"
            for group in range(groups)
            for layer in range(inner)
        ]

    def run(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """As `Encoder.run`; a group's layers run again for each of its share of the depth."""
        for group in self.order:
            first = group * self.inner_layers
            for layer in self.layers[first : first + self.inner_layers]:
                hidden = layer(hidden, mask)
        return hidden
