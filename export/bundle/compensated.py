"""Palettes whose rounding makes up for itself on data.

The columns of a matrix are rounded one after another. What a column loses is made up for by those
that are not rounded yet, as far as the inputs of the layer go together (GPTQ, arXiv 2210.17323). So
the layer's outputs move less than the sum of its roundings, at the same size: each value is still
one of its rows' palette, which `coremltools` chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from export.bundle.compress import COMPRESSIONS, compress_each, formats_of
from export.bundle.mixed_bits import Stored, StoredWeight, constants_by_weight, stored_weights
from export.bundle.palettes import palette_groups

if TYPE_CHECKING:
    from coremltools.models import MLModel

DAMPING = 0.01
"""Added to the diagonal, as a share of its mean: directions that the data does not show."""
BLOCK = 128
"""Columns that are rounded before the rest of the matrix hears of it."""

ModelInputs = Sequence[Sequence[torch.Tensor]]


def compensated_palettes(
    model: nn.Module, stored: Stored, target: str, inputs: ModelInputs
) -> dict[str, dict[str, StoredWeight]]:
    """``stored`` with the palettes of linear layers compensated on ``inputs``: fitted to two thirds
    of them, and taken where the layer's outputs move less on the last third."""
    judging = inputs[::3]
    fitting = [each for number, each in enumerate(inputs) if number % 3] or inputs
    moments, judges = (second_moments(model, stored, each) for each in (fitting, judging))
    parameters = dict(model.named_parameters())
    result = {weight: dict(formats) for weight, formats in stored.items()}
    for weight, own in moments.items():
        matrix = parameters[weight].detach()
        for quantize, plain in stored[weight].items():
            compression = COMPRESSIONS[quantize]
            if compression.kind != "palette":
                continue
            rounded = torch.from_numpy(plain.values).reshape(matrix.shape)
            rows = palette_groups(compression.bits, target, matrix.shape, table=False).size
            values = compensated(matrix, rounded, own, rows)
            if _moved(values - matrix, judges[weight]) < _moved(rounded - matrix, judges[weight]):
                array = values.reshape(plain.values.shape).numpy()
                result[weight][quantize] = replace(plain, values=array)
    return result


def compress_fitted(
    core_ml: MLModel,
    model: nn.Module,
    quantize: str,
    target: str,
    inputs: ModelInputs,
    skip: Sequence[str] = (),
) -> MLModel:
    """As `compress_weights` with palettes, those of linear layers compensated on ``inputs``.

    Args:
        model: what ``core_ml`` was converted from.

    Raises:
        UserError: as `compress_weights`.
    """
    formats = formats_of(core_ml, quantize, skip)
    constants = {
        weight: constant
        for weight, constant in constants_by_weight(core_ml, model).items()
        if constant in formats
    }
    stored = stored_weights(core_ml, constants, [quantize], target)
    fitted = compensated_palettes(model, stored, target, inputs)
    values = {constant: fitted[weight][quantize].values for weight, constant in constants.items()}
    return compress_each(core_ml, formats, target, values)


def _moved(change: torch.Tensor, moments: torch.Tensor) -> float:
    """How far the outputs of a layer move in all, squared."""
    return float(((change @ moments) * change).sum())


def second_moments(
    model: nn.Module, weights: Iterable[str], inputs: ModelInputs
) -> dict[str, torch.Tensor]:
    """Of what goes into each linear layer: the sum of x x^T over the positions of ``inputs``.

    Args:
        weights: names of parameters; those that are not the weight of a linear layer are left out.

    Returns:
        Weight -> float32 (columns, columns).
    """
    modules = dict(model.named_modules())
    layers = {weight: modules[weight.rpartition(".")[0]] for weight in weights}
    linear = {weight: layer for weight, layer in layers.items() if isinstance(layer, nn.Linear)}
    moments = {
        weight: torch.zeros(layer.in_features, layer.in_features)
        for weight, layer in linear.items()
    }
    with _watched(linear, moments), torch.inference_mode():
        for each in inputs:
            model(*each)
    return moments


@contextmanager
def _watched(
    layers: Mapping[str, nn.Linear], moments: Mapping[str, torch.Tensor]
) -> Iterator[None]:
    def watch(weight: str, layer: nn.Linear) -> torch.utils.hooks.RemovableHandle:
        def add(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            axis = 1 if given[0].ndim == 4 else -1  # layout ane has the channels first
            rows = given[0].movedim(axis, -1).reshape(-1, layer.in_features)
            moments[weight].addmm_(rows.T, rows)

        return layer.register_forward_pre_hook(add)

    handles = [watch(weight, layer) for weight, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def compensated(
    weight: torch.Tensor, rounded: torch.Tensor, moments: torch.Tensor, rows: int
) -> torch.Tensor:
    """A matrix with the values of its palettes, so chosen that ``weight`` x inputs moves least.

    Args:
        weight: (outputs, columns).
        rounded: the same, rounded plainly; its values are the palettes, one for each group of
            ``rows`` outputs.
        moments: of the inputs, (columns, columns), as `second_moments` has them.
    """
    palettes = _palettes(rounded, rows)
    order = moments.diagonal().argsort(descending=True)  # the columns that count most come first
    upper = _inverse_root(moments[order][:, order])
    left, found = weight[:, order].double(), torch.empty_like(weight, dtype=torch.float64)
    for start in range(0, left.shape[1], BLOCK):
        columns = slice(start, min(start + BLOCK, left.shape[1]))
        block, root = left[:, columns].clone(), upper[columns, columns]
        losses = torch.empty_like(block)
        for number in range(block.shape[1]):
            column = block[:, number : number + 1]
            nearest = palettes.gather(1, (palettes - column).abs().argmin(1, keepdim=True))
            found[:, start + number] = nearest[:, 0]
            losses[:, number] = (column - nearest)[:, 0] / root[number, number]
            block[:, number:] -= losses[:, number : number + 1] * root[number, number:]
        left[:, columns.stop :] -= losses @ upper[columns, columns.stop :]
    return found[:, order.argsort()].to(weight.dtype)


def _palettes(rounded: torch.Tensor, rows: int) -> torch.Tensor:
    """The values of each row's palette, float64 (outputs, most values), filled up with infinity."""
    values = [group.double().unique() for group in rounded.reshape(-1, rows * rounded.shape[1])]
    filled = nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=float("inf"))
    return filled.repeat_interleave(rows, dim=0)


def _inverse_root(moments: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse, float64."""
    damped = moments.double()
    damped += torch.eye(len(damped)) * (DAMPING * damped.diagonal().mean()).clamp_min(1e-12)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    root: torch.Tensor = torch.linalg.cholesky(inverse, upper=True)
    return root
