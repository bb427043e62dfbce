"""BERT's encoder, and that of the model types that differ by embeddings and positions alone."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from export.checkpoint.configuration import EncoderConfig
from export.encoder.layers import MASKED, ChannelLayer, Layer


class Encoder(nn.Module):
    """Embeddings and layers in one layout; `forward` returns (batch, length, width)."""

    by_position: ClassVar[tuple[str, ...]] = ()
    """Buffers with a row for each position; a package of shorter inputs does not need all rows."""
    layer_types: ClassVar[dict[str, type[nn.Module]]] = {"standard": Layer, "ane": ChannelLayer}

    def __init__(self, config: EncoderConfig, layout: str, segments: bool) -> None:
        super().__init__()
        self.channels_first = layout == "ane"
        self.make_embeddings(config, segments)
        self.layers = nn.ModuleList(self.make_layers(config, layout))

    def make_embeddings(self, config: EncoderConfig, segments: bool) -> None:
        """The modules that `embed` runs; ``segments``: whether token types are an input."""
        self.position_offset = config.position_offset
        width = config.embedding_width
        self.word_embeddings = nn.Embedding(config.vocabulary, width)
        rows = config.positions + config.position_offset
        self.position_embeddings = nn.Embedding(rows, width)
        if config.segments:
            self.token_type_embeddings = nn.Embedding(config.segments, width)
        self.one_segment = bool(config.segments) and not segments
        self.embedding_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        if width != config.width:
            self.embedding_projection = nn.Linear(width, config.width)

    def make_layers(self, config: EncoderConfig, layout: str) -> list[nn.Module]:
        """The layers that have weights, in the order of `layer_names`."""
        return [self.layer_types[layout](config) for _ in self.layer_names(config)]

    @classmethod
    def layer_names(cls, config: EncoderConfig) -> list[str]:
        """What the checkpoint calls each of `make_layers`."""
        return [f"{config.family.layer}.{index}" for index in range(config.layers)]

    @classmethod
    def part_names(cls, config: EncoderConfig) -> dict[str, str]:
        """The modules of a layer -> what the checkpoint calls them."""
        return dict(config.family.layer_parts)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Hidden states (batch, length, width) in both layouts.

        Args:
            input_ids, attention_mask, token_type_ids: (batch, length), the mask 1 for tokens and 0
                for padding; without types every token is of segment 0.
        """
        hidden = self.embed(input_ids, token_type_ids)
        if not self.channels_first:
            mask = additive(attention_mask[:, None, None, :], hidden.dtype)
            return self.run(hidden, self.biased(mask, input_ids.shape[1]))
        mask = additive(attention_mask[:, :, None, None], hidden.dtype)
        biased = self.biased(mask, input_ids.shape[1])
        return self.run(hidden.transpose(1, 2).unsqueeze(2), biased).squeeze(2).transpose(1, 2)

    def embed(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        """(batch, length) -> (batch, length, width)."""
        hidden: torch.Tensor = self.word_embeddings(input_ids) + self.positions(input_ids)
        hidden = self.with_segments(hidden, token_type_ids)
        hidden = self.embedding_norm(hidden)
        if hasattr(self, "embedding_projection"):
            hidden = self.embedding_projection(hidden)
        return hidden

    def with_segments(
        self, hidden: torch.Tensor, token_type_ids: torch.Tensor | None
    ) -> torch.Tensor:
        """``hidden`` with the vectors of its token types; without types those of segment 0."""
        if token_type_ids is not None:
            hidden = hidden + self.token_type_embeddings(token_type_ids)
        elif self.one_segment:
            hidden = hidden + self.token_type_embeddings.weight[0]
        return hidden

    def positions(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Vectors of the positions, (length, width) or (batch, length, width). With an offset only
        tokens are counted, and padding has a row of its own."""
        if not self.position_offset:
            return self.position_embeddings.weight[: input_ids.shape[1]]
        padding = self.position_offset - 1
        tokens = (input_ids != padding).to(torch.int32)
        rows: torch.Tensor = torch.cumsum(tokens, dim=1) * tokens + padding
        vectors: torch.Tensor = self.position_embeddings(rows)
        return vectors

    def biased(self, mask: torch.Tensor, length: int) -> torch.Tensor:
        """What is added to scores: here the mask alone."""
        return mask

    def leave_out_idle_heads(self) -> None:
        """Cut the heads of each layer that give nothing."""
        for layer in self.layers:
            if isinstance(layer, Layer):
                layer.leave_out_idle_heads()

    def run(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Embeddings through all layers: (batch, length, width) or, in the layout ``ane``, (batch,
        width, 1, length). ``mask`` is what `biased` gave."""
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden


def additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 for a token, `MASKED` for padding; in these steps ONNX Runtime knows it as a mask."""
    return (1.0 - mask.to(dtype)) * MASKED
