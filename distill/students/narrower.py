"""A narrower student: the dimensions, attention heads and feed-forward units of a wider one that
count most by its weights.

A dimension counts by what the layers that read it can make of it: the size that its norm gives it,
times the length of its columns in the matrices. A head counts by its value and output matrices, a
unit by the row that makes it and the column that it writes with. What is left is a slice of every
matrix. The mean of what is gone (a norm's bias is the mean of its output) goes into the biases.

It is a start alone: train it by relations (MiniLMv2, arXiv 2012.15828), which compare models of any
widths, or by a task.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from distill.console.errors import UserError
from distill.families.distilbert import DISTILBERT

if TYPE_CHECKING:
    from transformers import DistilBertForMaskedLM

READERS = ("query", "key", "value")


def narrowed(
    student: DistilBertForMaskedLM, width: int, units: int | None = None
) -> DistilBertForMaskedLM:
    """A `DistilBertForMaskedLM` of ``width`` numbers a position, cut from a wider one.

    Args:
        width: a multiple of the width of a head; heads keep their width, so that there are fewer.
        units: of each feed-forward layer; by default in proportion to the width.

    Raises:
        UserError: a width or a number of units that cannot be cut from the student's.
    """
    old = student.config
    head_width = old.dim // old.n_heads
    units = old.hidden_dim * width // old.dim if units is None else units
    if not head_width <= width <= old.dim or width % head_width:
        raise UserError(
            f"--hidden_size {width} is not a multiple of the width of a head, {head_width}, up to "
            f"{old.dim}"
        )
    if not 1 <= units <= old.hidden_dim:
        raise UserError(f"--intermediate_size must be 1 to {old.hidden_dim}, not {units}")
    config = copy.deepcopy(old)
    config.dim, config.n_heads, config.hidden_dim = width, width // head_width, units
    weights = _Weights(student.state_dict(), old.n_layers)
    kept = _most(weights.dimensions(), width)
    state = weights.outside(kept)
    for layer in range(old.n_layers):
        heads = _most(weights.heads(layer, old.n_heads), config.n_heads)
        rows = (heads[:, None] * head_width + torch.arange(head_width)).flatten()
        state |= weights.layer(layer, kept, rows, _most(weights.units(layer), units))
    narrow = type(student)(config)
    narrow.load_state_dict(state)
    narrow.tie_weights()
    return narrow


def _most(values: torch.Tensor, count: int) -> torch.Tensor:
    """The places of the ``count`` greatest, ascending."""
    return values.argsort(descending=True)[:count].sort().values


class _Weights:
    """The weights of a DistilBERT by their parts."""

    def __init__(self, state: dict[str, torch.Tensor], layers: int) -> None:
        self.state, self.layers = state, layers
        self.norm = f"{DISTILBERT.prefix}{DISTILBERT.embeddings['embedding_norm']}"

    def name(self, layer: int, part: str) -> str:
        return f"{DISTILBERT.prefix}{DISTILBERT.layer}.{layer}.{DISTILBERT.layer_parts[part]}"

    def matrix(self, layer: int, part: str) -> torch.Tensor:
        return self.state[f"{self.name(layer, part)}.weight"]

    def norm_before(self, layer: int) -> str:
        """The norm whose output a layer reads."""
        return self.norm if layer == 0 else self.name(layer - 1, "output_norm")

    def dimensions(self) -> torch.Tensor:
        """How much each dimension counts, (width,): every norm with what reads it counts alike."""
        total = torch.zeros_like(self.state[f"{self.norm}.weight"])
        for layer in range(self.layers):
            for norm, readers in (
                (self.norm_before(layer), READERS),
                (self.name(layer, "attention_norm"), ("up",)),
            ):
                read = torch.cat([self.matrix(layer, part) for part in readers]).norm(dim=0)
                counts = read * self.state[f"{norm}.weight"].abs()
                total += counts / counts.sum()
        return total

    def heads(self, layer: int, count: int) -> torch.Tensor:
        """How much each head counts, (heads,)."""
        value, output = self.matrix(layer, "value"), self.matrix(layer, "output")
        rows: torch.Tensor = value.view(count, -1, value.shape[1]).flatten(1).norm(dim=1)
        written: torch.Tensor = (
            output.t().reshape(count, -1, output.shape[0]).flatten(1).norm(dim=1)
        )
        return rows * written

    def units(self, layer: int) -> torch.Tensor:
        """How much each feed-forward unit counts, (units,)."""
        rows: torch.Tensor = self.matrix(layer, "up").norm(dim=1)
        written: torch.Tensor = self.matrix(layer, "down").norm(dim=0)
        return rows * written

    def outside(self, kept: torch.Tensor) -> dict[str, torch.Tensor]:
        """What is not in a layer: embeddings, their norm, and the MLM head."""
        inside = f"{DISTILBERT.prefix}{DISTILBERT.layer}."
        state = {}
        for name, weight in self.state.items():
            if name.startswith(inside):
                continue
            if name.startswith("vocab_transform.weight"):
                weight = weight[kept]
            sliced = "vocab_projector.bias" not in name
            state[name] = weight[..., kept].clone() if sliced else weight.clone()
        return state

    def layer(
        self, layer: int, kept: torch.Tensor, rows: torch.Tensor, units: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """One layer with the dimensions ``kept``, the ``rows`` of its heads and its ``units``."""
        state: dict[str, torch.Tensor] = {}
        before = self.state[f"{self.norm_before(layer)}.bias"]
        between = self.state[f"{self.name(layer, 'attention_norm')}.bias"]
        for part in READERS:
            state |= self._reading(layer, part, rows, kept, before)
        state |= self._reading(layer, "up", units, kept, between)
        for part, columns in (("output", rows), ("down", units)):
            name = self.name(layer, part)
            state[f"{name}.weight"] = self.matrix(layer, part)[kept][:, columns].clone()
            state[f"{name}.bias"] = self.state[f"{name}.bias"][kept].clone()
        for part in ("attention_norm", "output_norm"):
            for kind in ("weight", "bias"):
                name = f"{self.name(layer, part)}.{kind}"
                state[name] = self.state[name][kept].clone()
        return state

    def _reading(
        self, layer: int, part: str, rows: torch.Tensor, kept: torch.Tensor, means: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """A matrix that reads a norm's output, whose ``means`` by dimension are known."""
        name, weight = self.name(layer, part), self.matrix(layer, part)[rows]
        gone = torch.ones(weight.shape[1], dtype=torch.bool)
        gone[kept] = False
        bias = self.state[f"{name}.bias"][rows] + weight[:, gone] @ means[gone]
        return {f"{name}.weight": weight[:, kept].clone(), f"{name}.bias": bias}
