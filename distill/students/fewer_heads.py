"""A model with fewer attention heads that do something: those that contribute least are silenced.

The contribution of a head is how far it moves the output of its layer on text, about its mean: with
C the covariance of what the head gives and O the columns that it writes with, the trace of O C O^T.
What a silenced head gave on average goes into the bias of its layer.

`transformers` 5 has no field for the heads that are left, and takes the width of a head from their
number. So the matrices keep their sizes: the rows and columns of a silenced head are zeros, behind
those of the others, and stay so in any training, as every gradient of theirs is zero too.
`export.coreml` leaves them out, so that a layer has as many heads as it uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from distill.families.family import Family

if TYPE_CHECKING:
    from transformers import PreTrainedModel

READERS = ("query", "key", "value")


@dataclass
class Heads:
    """The heads of one layer, by the names of its modules, and what they give on text.

    ``products`` and ``sums`` are sums over tokens of a head's outer products, (heads, width of a
    head, the same), and of its values, both float64.
    """

    readers: dict[str, str]
    watched: str
    count: int
    products: torch.Tensor = field(default_factory=lambda: torch.zeros(1))
    sums: torch.Tensor = field(default_factory=lambda: torch.zeros(1))
    tokens: int = 0

    def add(self, values: torch.Tensor) -> None:
        """``values``: what all heads give, joined, (tokens, width)."""
        by_head = values.view(len(values), self.count, -1).transpose(0, 1)
        self.products = self.products + by_head.transpose(1, 2) @ by_head
        self.sums = self.sums + by_head.sum(1)
        self.tokens += len(values)

    def means(self) -> torch.Tensor:
        """(heads, width of a head)."""
        return self.sums / max(self.tokens, 1)


def heads_of(model: PreTrainedModel, family: Family) -> list[Heads]:
    """The heads of every layer of a model; none where they cannot be told apart, or share a table
    by head."""
    if not family.gives_heads:
        return []
    count = int(family.setting(model.config.to_dict(), "heads"))
    query = f".{family.part('query')}"
    names = [name.removesuffix(query) for name, _ in model.named_modules() if name.endswith(query)]
    return [
        Heads(
            {part: f"{name}.{family.part(part)}" for part in READERS},
            f"{name}.{family.part('output')}",
            count,
        )
        for name in names
    ]


def head_contributions(model: nn.Module, layer: Heads) -> torch.Tensor:
    """How far each head moves the output of its layer, squared, per token; (heads,)."""
    mean = layer.means()
    covariance = layer.products / max(layer.tokens, 1) - mean[:, :, None] * mean[:, None, :]
    columns = _columns(model, layer).double()
    return torch.einsum("wha,hab,whb->h", columns, covariance, columns)


def silent(model: nn.Module, layer: Heads) -> int:
    """How many heads of a layer are zeros already."""
    return layer.count - int(_columns(model, layer).any(2).any(0).sum())


def zeros_of_heads(model: nn.Module, layers: Iterable[Heads]) -> int:
    """Parameters of the silent heads of all layers, which `export.coreml` leaves out."""
    total = 0
    for layer in layers:
        readers = [model.get_submodule(name) for name in layer.readers.values()]
        of_all = sum(parameter.numel() for part in readers for parameter in part.parameters())
        of_all += _columns(model, layer).numel()
        total += of_all // layer.count * silent(model, layer)
    return total


def _columns(model: nn.Module, layer: Heads) -> torch.Tensor:
    """What each head writes with: (width, heads, width of a head)."""
    weight = model.get_submodule(layer.watched).weight
    assert isinstance(weight, torch.Tensor)
    return weight.detach().view(len(weight), layer.count, -1)


@torch.no_grad()
def silence(model: nn.Module, layer: Heads, count: int) -> float:
    """Leave the ``count`` heads of a layer that contribute most, first, and zeros behind them; in
    place.

    Returns:
        The share of the summed contributions that is kept, 0 to 1.
    """
    worth = head_contributions(model, layer)
    order = worth.argsort(descending=True)
    kept, gone = order[:count].sort().values, order[count:]
    output = model.get_submodule(layer.watched)
    assert isinstance(output, nn.Linear)
    columns = _columns(model, layer).clone()
    mean = layer.means().to(columns.dtype)
    output.bias.add_(torch.einsum("wha,ha->w", columns[:, gone], mean[gone]))
    output.weight.copy_(_first(columns.transpose(0, 1), kept).transpose(0, 1).flatten(1))
    for name in layer.readers.values():
        reader = model.get_submodule(name)
        assert isinstance(reader, nn.Linear)
        for values in (reader.weight, reader.bias):
            by_head = values.view(layer.count, -1, *values.shape[1:])
            values.copy_(_first(by_head, kept).flatten(0, 1))
    return float(worth[kept].sum() / worth.sum())


def _first(by_head: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    filled = torch.zeros_like(by_head)
    filled[: len(kept)] = by_head[kept]
    return filled
