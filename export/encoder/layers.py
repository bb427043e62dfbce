"""The two layouts of a transformer layer, from the same weights.

`standard` keeps (batch, length, width) and is what a CPU or GPU runs well. `ane` keeps channels
first, (batch, width, 1, length), with 1x1 convolutions and one attention head at a time: the
Neural Engine wants the last axis long and contiguous and its tensors small enough for its cache
(Apple, "Deploying Transformers on the Apple Neural Engine", 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from export.checkpoint.activations import ACTIVATIONS
from export.checkpoint.configuration import EncoderConfig

MASKED = -1e4
"""Added to the score of a padded position: e^-10000 is 0, and half precision holds it (its least
number is -65504), where the usual -1e9 and -inf become -inf and then NaN."""


def at_least(values: torch.Tensor, floor: float) -> torch.Tensor:
    """``values``, but no less than ``floor``. Converted, ``clamp`` has an infinite upper bound that
    half precision does not hold."""
    return torch.maximum(values, torch.tensor(floor, dtype=values.dtype))


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of (batch, width, 1, length).

    The largest deviation is divided out before squaring: half precision ends at 65504, which is the
    square of 256.
    """

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """The same shape, each position with mean 0 and variance 1 before scale and shift."""
        centred = hidden - hidden.mean(dim=1, keepdim=True)
        largest = at_least(centred.abs().amax(dim=1, keepdim=True), 1.0)
        scaled = centred / largest
        variance = (scaled * scaled).mean(dim=1, keepdim=True)
        normal = scaled / torch.sqrt(variance + self.eps / largest / largest)
        normal = normal * self.weight[:, None, None]
        return normal if self.bias is None else normal + self.bias[:, None, None]


class ChannelLinear(nn.Linear):
    """A linear map over the channels of (batch, width, 1, length): a 1x1 convolution."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, width in, 1, length) -> (batch, width out, 1, length)."""
        return F.conv2d(hidden, self.weight[:, :, None, None], self.bias)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    heads: int,
    scale: float,
) -> torch.Tensor:
    """Attention of all heads: ``query``, ``key``, ``value`` and the result (batch, length, width);
    ``mask`` as `Attention.attention` takes it; ``scale``: what scores are divided by."""
    query, key, value = (split_heads(each, heads) for each in (query, key, value))
    scores = torch.matmul(query, key.transpose(-1, -2)) / scale + mask
    return join_heads(torch.matmul(torch.softmax(scores, dim=-1), value))


class Attention(nn.Module):
    """What attends, for layers that have ``query``, ``key`` and ``value``."""

    linear: type[nn.Linear] = nn.Linear
    heads: int
    head_width: int
    scale: float
    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    attend = staticmethod(attend)

    def attention(
        self, hidden: torch.Tensor, mask: torch.Tensor, valued: torch.Tensor
    ) -> torch.Tensor:
        """``hidden`` (batch, length, width), and ``valued``, which values are made of; ``mask``
        (batch, 1, 1, length) of 0 and `MASKED`, or (1 or batch, heads, length, length) with a bias
        in it."""
        projections = (self.query(hidden), self.key(hidden), self.value(valued))
        return self.attend(*projections, mask, self.heads, self.scale)


class ChannelAttention(Attention):
    """`Attention` for (batch, width, 1, length), a head at a time."""

    linear = ChannelLinear

    def attention(
        self, hidden: torch.Tensor, mask: torch.Tensor, valued: torch.Tensor
    ) -> torch.Tensor:
        """``mask`` as `attend_by_head` takes it."""
        queries = self.query(hidden).split(self.head_width, dim=1)
        keys = self.key(hidden).transpose(1, 3).split(self.head_width, dim=3)
        values = self.value(valued).split(self.head_width, dim=1)
        return attend_by_head(queries, keys, values, mask, self.scale)


def attend_by_head(
    queries: Sequence[torch.Tensor],
    keys: Sequence[torch.Tensor],
    values: Sequence[torch.Tensor],
    mask: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Attention of each head, joined: (batch, width, 1, length).

    Args:
        queries: of each head (batch, width of a head, 1, length); values likewise.
        keys: of each head (batch, length, 1, width of a head).
        mask: (batch, length, 1, 1 or length) of 0 and `MASKED`, keys on the second axis; or
            (1 or batch, length, heads, length) with a bias in it.
        scale: what scores are divided by.
    """
    masks = mask.split(1, dim=2) if mask.shape[2] > 1 else [mask] * len(queries)
    mixed = []
    for query, key, value, added in zip(queries, keys, values, masks, strict=True):
        scores = torch.einsum("bchq,bkhc->bkhq", query, key) / scale + added
        weights = torch.softmax(scores, dim=1)
        mixed.append(torch.einsum("bkhq,bchk->bchq", weights, value))
    return torch.cat(mixed, dim=1)


def split_heads(projection: torch.Tensor, heads: int) -> torch.Tensor:
    """(batch, length, width) -> (batch, heads, length, width of a head)."""
    batch, length, width = projection.shape
    return projection.view(batch, length, heads, width // heads).transpose(1, 2)


def join_heads(mixed: torch.Tensor) -> torch.Tensor:
    """(batch, heads, length, width of a head) -> (batch, length, width)."""
    batch, heads, length, width = mixed.shape
    return mixed.transpose(1, 2).reshape(batch, length, heads * width)


class Layer(Attention):
    """Post-norm transformer layer (Vaswani et al., arXiv 1706.03762; BERT's, arXiv 1810.04805)."""

    norm: type[nn.LayerNorm] = nn.LayerNorm

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.head_width = config.width // config.heads
        self.scale = math.sqrt(self.head_width)
        self.query = self.linear(config.width, config.width)
        self.key = self.linear(config.width, config.width)
        self.value = self.linear(config.width, config.width)
        self.output = self.linear(config.width, config.width)
        self.attention_norm = self.norm(config.width, eps=config.layer_norm_eps)
        self.up = self.linear(config.width, config.intermediate)
        self.down = self.linear(config.intermediate, config.width)
        self.output_norm = self.norm(config.width, eps=config.layer_norm_eps)
        self.activation = ACTIVATIONS[config.activation]

    def leave_out_idle_heads(self) -> None:
        """Cut the heads whose values are zero on any text, as `distill.prune` leaves them; one is
        kept."""
        values = torch.cat([self.value.weight, self.value.bias[:, None]], 1)
        kept = values.view(self.heads, -1).any(1).nonzero().flatten()
        if len(kept) in (0, self.heads):
            return
        places = (kept[:, None] * self.head_width + torch.arange(self.head_width)).flatten()
        for reader in (self.query, self.key, self.value):
            reader.weight = nn.Parameter(reader.weight[places], requires_grad=False)
            reader.bias = nn.Parameter(reader.bias[places], requires_grad=False)
            reader.out_features = len(places)
        columns = self.output.weight[:, places]
        self.output.weight = nn.Parameter(columns, requires_grad=False)
        self.output.in_features, self.heads = len(places), len(kept)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """``hidden`` and the result (batch, length, width); ``mask`` as `attention` takes it."""
        return self.behind_attention(self.attention(hidden, mask, hidden), hidden)

    def behind_attention(self, mixed: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """``mixed``: what attention made of ``hidden``, in the same layout."""
        hidden = self.attention_norm(self.output(mixed) + hidden)
        expanded = self.down(self.activation(self.up(hidden)))
        normal: torch.Tensor = self.output_norm(expanded + hidden)
        return normal


class ChannelLayer(ChannelAttention, Layer):
    """`Layer` for (batch, width, 1, length)."""

    norm = ChannelNorm
