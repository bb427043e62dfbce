"""DeBERTa's encoder (arXiv 2006.03654): a token attends to contents and to distances apart.

Scores of distances are computed once for each distance, then shifted into place: row ``query`` of
(length, 2 length - 1) holds the distances that this query sees. No index of length x length is
needed, and half precision is safe: what is multiplied is scaled first.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import nn

from distill.console.errors import UserError
from export.checkpoint.configuration import EncoderConfig
from export.encoder.bert import Encoder
from export.encoder.layers import Layer, join_heads, split_heads

TO_POSITION, FROM_POSITION = "c2p", "p2c"


class DisentangledLayer(Layer):
    """BERT's layer with scores of distances beside those of contents."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self.attends = attends_to(config)
        self.shared_keys = bool(config.setting("shared_keys"))
        self.scale = math.sqrt(self.head_width * (1 + len(self.attends)))
        if not self.shared_keys and TO_POSITION in self.attends:
            self.distance_key = nn.Linear(config.width, config.width)
        if not self.shared_keys and FROM_POSITION in self.attends:
            self.distance_query = nn.Linear(config.width, config.width)

    def leave_out_idle_heads(self) -> None:
        """None is left out: the tables of distances have rows for each."""

    def forward(  # type: ignore[override]
        self,
        hidden: torch.Tensor,
        mask: torch.Tensor,
        distances: torch.Tensor,
        rows: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """``distances`` (rows, width) has a vector for each bucket, and ``rows`` the bucket of
        (key - query) turned round and of (query - key), each (2 length - 1)."""
        projections = (self.query(hidden) / self.scale, self.key(hidden), self.value(hidden))
        query, key, value = (split_heads(each, self.heads) for each in projections)
        scores = torch.matmul(query, key.transpose(-1, -2)) + mask
        if TO_POSITION in self.attends:
            keys = (self.key if self.shared_keys else self.distance_key)(distances)
            seen = split_heads(keys[rows[0]].unsqueeze(0), self.heads)
            scores = scores + shifted(torch.matmul(query, seen.transpose(-1, -2)))
        if FROM_POSITION in self.attends:
            queries = (self.query if self.shared_keys else self.distance_query)(distances)
            seen = split_heads((queries / self.scale)[rows[1]].unsqueeze(0), self.heads)
            scores = scores + shifted(torch.matmul(key, seen.transpose(-1, -2))).transpose(-1, -2)
        mixed = torch.matmul(torch.softmax(scores, dim=-1), value)
        return self.behind_attention(join_heads(mixed), hidden)


class DebertaEncoder(Encoder):
    """One table of distances serves all layers. Rows of padding are not a special case: a token of
    them attends to the others, and none to it."""

    layer_types: ClassVar[dict[str, type[nn.Module]]] = {"standard": DisentangledLayer}

    def make_embeddings(self, config: EncoderConfig, segments: bool) -> None:
        super().make_embeddings(config, segments)
        if not config.setting("position_input"):
            del self.position_embeddings
        self.embedding_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        if config.embedding_width != config.width:
            self.embedding_projection = nn.Linear(config.embedding_width, config.width, bias=False)
        farthest = int(config.setting("farthest"))
        farthest = farthest if farthest > 0 else config.positions
        buckets = int(config.setting("buckets"))
        span = buckets if buckets > 0 else farthest
        self.distances = nn.Embedding(2 * span, config.width)
        if "layer_norm" in str(config.setting("distance_norm")).lower():
            self.distance_norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.longest = config.positions
        rows = distance_rows(config.positions, buckets, farthest, span)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("rows_turned", rows.flip(0), persistent=False)

    def embed(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor | None) -> torch.Tensor:
        """(batch, length) -> (batch, length, width); the projection comes before the norm here."""
        hidden = self.word_embeddings(input_ids)
        if hasattr(self, "position_embeddings"):
            hidden = hidden + self.positions(input_ids)
        hidden = self.with_segments(hidden, token_type_ids)
        if hasattr(self, "embedding_projection"):
            hidden = self.embedding_projection(hidden)
        normal: torch.Tensor = self.embedding_norm(hidden)
        return normal

    def run(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """``hidden`` and the result (batch, length, width); ``mask`` (batch, 1, 1, length)."""
        distances = self.distances.weight
        if hasattr(self, "distance_norm"):
            distances = self.distance_norm(distances)
        first, end = self.longest - hidden.shape[1], self.longest + hidden.shape[1] - 1
        buffers = (self.get_buffer("rows_turned"), self.get_buffer("rows"))
        rows = tuple(buffer[first:end] for buffer in buffers)
        for layer in self.layers:
            hidden = layer(hidden, mask, distances, rows)
        return hidden


def attends_to(config: EncoderConfig) -> tuple[str, ...]:
    """Of `TO_POSITION` and `FROM_POSITION` those that the configuration names, as a list or joined.

    Raises:
        UserError: it names others.
    """
    named = config.setting("attends") or []
    kinds = [each.strip() for each in named.lower().split("|")] if isinstance(named, str) else named
    known = (TO_POSITION, FROM_POSITION)
    for kind in kinds:
        if kind not in known:
            raise UserError(
                f"config.json: pos_att_type {kind!r} is not supported (expected {', '.join(known)})"
            )
    return tuple(kind for kind in known if kind in kinds)


def shifted(scores: torch.Tensor) -> torch.Tensor:
    """(batch, heads, length, 2 length - 1) -> (batch, heads, length, length): column ``j`` of row
    ``i`` is that of the distance ``j - i``, which stands at ``j - i + length - 1``."""
    batch, heads, length, distances = scores.shape
    flat = scores.reshape(batch, heads, length * distances)
    flat = flat[:, :, length - 1 : length - 1 + length * (distances - 1)]
    return flat.reshape(batch, heads, length, distances - 1)[:, :, :, :length]


def distance_rows(longest: int, buckets: int, farthest: int, span: int) -> torch.Tensor:
    """The row of the table for each distance from key to query, from -(longest - 1) on; int64 of
    shape (2 longest - 1). Far distances share buckets, whose width grows by the logarithm."""
    distance = torch.arange(1 - longest, longest, device="cpu")
    if buckets > 0:
        middle = buckets // 2
        near = distance.abs() < middle
        apart = torch.where(near, torch.full_like(distance, middle - 1), distance.abs())
        ratio = torch.full((), (farthest - 1) / middle, device="cpu")
        steps = torch.ceil(torch.log(apart / middle) / torch.log(ratio) * (middle - 1)) + middle
        bucket = torch.where(apart <= middle, distance.float(), steps * distance.sign())
        distance = bucket.to(torch.long)
    return (distance + span).clamp(0, 2 * span - 1)
