"""A model with narrower feed-forward layers: the units that contribute least are cut.

The contribution of a unit is the root mean square of its activation on text, times the length of
the row that it writes with: how far the layer's output would move without it. What a unit cut
contributed on average goes into the bias of its layer. All layers keep the same number of units, so
that the result is a plain checkpoint, with another ``intermediate_size``, that `transformers` loads
as it is. (Heads are another matter: `distill.students.fewer_heads`.)

The idea is that of CoFi and block pruning (arXiv 2204.00408, 2109.04838) in a simple form: one
kind of structure, measured rather than learnt, then distilled again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from distill.console.errors import UserError

STEP = 32
"""Units are kept in steps of so many where a size decides: kernels and blocks like such numbers."""


@dataclass
class FeedForward:
    """The two matrices of one layer, by name, and what its units do on text.

    ``squares`` and ``means`` are sums over tokens of each unit's activation; float64 of shape
    (units,).
    """

    up: str
    down: str
    squares: torch.Tensor
    means: torch.Tensor
    tokens: int = 0

    @property
    def watched(self) -> str:
        """The module whose inputs are measured."""
        return self.down

    def add(self, values: torch.Tensor) -> None:
        """``values``: activations of float64, (tokens, units)."""
        self.squares += values.square().sum(0)
        self.means += values.sum(0)
        self.tokens += len(values)


class Measured(Protocol):
    """A part of a layer that adds up what it does on text."""

    @property
    def watched(self) -> str:
        """The name of the module whose inputs are measured."""

    def add(self, values: torch.Tensor) -> None:
        """``values``: inputs of that module, float64, (tokens, width)."""


def feed_forwards(model: nn.Module, up: str, down: str) -> list[FeedForward]:
    """The feed-forward layers of a model, in order.

    Args:
        up, down: how the two modules of a layer are called, as `distill.families` has them.

    Raises:
        UserError: the model has none of that name.
    """
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    pairs = [
        (name, name.removesuffix(up) + down)
        for name in names
        if name.endswith(f".{up}") and name.removesuffix(up) + down in names
    ]
    if not pairs:
        raise UserError(f"the model has no feed-forward layers called {up} and {down}")
    layers = []
    for first, second in pairs:
        units = model.get_submodule(first).out_features
        assert isinstance(units, int)
        zeros = torch.zeros(units, dtype=torch.float64)
        layers.append(FeedForward(first, second, zeros, zeros.clone()))
    return layers


@torch.inference_mode()
def measure(
    model: nn.Module, parts: Iterable[Measured], batches: Iterable[dict[str, torch.Tensor]]
) -> None:
    """Run batches (input_ids, attention_mask, ... of shape (batch, length)) and add up what the
    parts do on their tokens, padding left out."""
    mask = torch.empty(0)

    def watch(part: Measured) -> RemovableHandle:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            part.add(inputs[0].reshape(-1, inputs[0].shape[-1])[mask].double())

        return model.get_submodule(part.watched).register_forward_pre_hook(hook)

    hooks = [watch(part) for part in parts]
    try:
        for batch in batches:
            mask = batch["attention_mask"].reshape(-1).bool()
            model(**batch)
    finally:
        for hook in hooks:
            hook.remove()


def contributions(model: nn.Module, layer: FeedForward) -> torch.Tensor:
    """How far each unit moves the layer's output: RMS times the length of its row; (units,)."""
    weight = model.get_submodule(layer.down).weight
    assert isinstance(weight, torch.Tensor)
    length: torch.Tensor = weight.detach().double().norm(dim=0)
    return (layer.squares / max(layer.tokens, 1)).sqrt() * length


def cost_of_unit(model: nn.Module, layers: list[FeedForward]) -> int:
    """Parameters that one unit has in all layers together: a row, a bias and a column."""
    total = 0
    for layer in layers:
        up, down = model.get_submodule(layer.up), model.get_submodule(layer.down)
        assert isinstance(up, nn.Linear) and isinstance(down, nn.Linear)
        total += up.in_features + (up.bias is not None) + down.out_features
    return total


def units_within(parameters: int, before: int, units: int, cost: int) -> int:
    """The most units a layer, a multiple of `STEP`, of a model of at most ``parameters``.

    Args:
        before: parameters of the model with ``units`` units a layer.
        cost: of one unit, as `cost_of_unit` has it.

    Raises:
        UserError: the model is as small already, or without any units still larger.
    """
    if parameters >= before:
        raise UserError(f"--parameters must be below the {before:,} that the model has")
    kept = (units - -(-(before - parameters) // cost)) // STEP * STEP
    if kept < STEP:
        least = before - (units - STEP) * cost
        raise UserError(
            f"--parameters {parameters:,}: with {STEP} units a layer the model still has {least:,}"
        )
    return kept


@torch.no_grad()
def cut(model: nn.Module, layers: list[FeedForward], units: int) -> list[float]:
    """Keep the ``units`` that contribute most in each layer; the model is changed in place.

    Returns:
        Of each layer the share of the summed contributions that is kept, 0 to 1.
    """
    shares = []
    for layer in layers:
        up, down = model.get_submodule(layer.up), model.get_submodule(layer.down)
        assert isinstance(up, nn.Linear) and isinstance(down, nn.Linear)
        worth = contributions(model, layer)
        kept = worth.argsort(descending=True)[:units].sort().values
        gone = torch.ones(len(worth), dtype=torch.bool)
        gone[kept] = False
        mean = (layer.means / max(layer.tokens, 1)).to(down.weight.dtype)
        if down.bias is not None:
            down.bias.add_(down.weight[:, gone] @ mean[gone])
        up.weight = nn.Parameter(up.weight[kept].clone())
        if up.bias is not None:
            up.bias = nn.Parameter(up.bias[kept].clone())
        down.weight = nn.Parameter(down.weight[:, kept].clone())
        up.out_features = down.in_features = units
        shares.append(float(worth[kept].sum() / worth.sum()))
    return shares
