"""Palettes whose rounding makes up for itself on data.

The columns of a matrix are rounded one after another. What a column loses is made up for by those
that are not rounded yet, as far as the inputs of the layer go together (GPTQ, arXiv 2210.17323).
In the same way the rows that come later make up for those before, as far as the model's outputs
depend on both (YAQA, arXiv 2505.22988, has the two together). So the model's outputs move less than
the sum of the roundings, at the same size: each value is still one of its palette, which
`coremltools` chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from export.bundle.compress import COMPRESSIONS, FURTHEST, compress_each, formats_of
from export.bundle.mixed_bits import Stored, StoredWeight, constants_by_weight, stored_weights
from export.bundle.palettes import PaletteGroups

if TYPE_CHECKING:
    from coremltools.models import MLModel

DAMPING = 0.01
"""Added to the diagonal, as a share of its mean: directions that the data does not show."""
BLOCK = 128
"""Columns that are rounded before the rest of the matrix hears of it."""
ROWS = 32
"""Rows that are rounded at once: they do not make up for each other."""
MOST_ROWS = 4096
"""Of a layer with more outputs (a vocabulary), each row is rounded by itself."""

ModelInputs = Sequence[Sequence[torch.Tensor]]


@dataclass(frozen=True)
class Moments:
    """What a change of a matrix does to the model's outputs: the trace of ``rows`` x change x
    ``columns`` x change^T (as if slopes and inputs were independent: K-FAC, arXiv 1503.05671).

    Of a linear layer ``columns`` is the sum of x x^T over its inputs and ``rows`` that of g g^T
    over the slopes of the outputs; of a table of embeddings ``columns`` that of its rows' slopes,
    and its ``rows`` do not go together (None).
    """

    columns: torch.Tensor
    rows: torch.Tensor | None = None

    def moved(self, change: torch.Tensor) -> float:
        """How far the outputs move, squared, up to a factor."""
        slopes = change if self.rows is None else self.rows @ change
        return float(((slopes @ self.columns) * change).sum())


def compensated_palettes(
    model: nn.Module, stored: Stored, inputs: ModelInputs
) -> dict[str, dict[str, StoredWeight]]:
    """``stored`` with its palettes compensated on two thirds of ``inputs``: over rows and columns,
    else over columns, else not, as the last third bears out."""
    judging = inputs[::3]
    fitting = [each for number, each in enumerate(inputs) if number % 3] or inputs
    moments, judges = (moments_of(model, stored, each) for each in (fitting, judging))
    parameters = dict(model.named_parameters())
    result = {weight: dict(formats) for weight, formats in stored.items()}
    for weight, own in moments.items():
        for quantize, plain in stored[weight].items():
            if plain.palettes is None:
                continue
            matrix = parameters[weight].detach()[: len(plain.values)]
            rounded = torch.from_numpy(plain.values).reshape(matrix.shape)
            furthest = FURTHEST[COMPRESSIONS[quantize].bits] * matrix.norm()
            most = judges[weight].moved(rounded - matrix)
            for known in (own, Moments(own.columns)):
                values = compensated(matrix, rounded, known, plain.palettes)
                change = values - matrix
                if change.norm() < furthest and judges[weight].moved(change) < most:
                    array = values.reshape(plain.values.shape).numpy()
                    result[weight][quantize] = replace(plain, values=array)
                    break
    return result


def compress_fitted(
    core_ml: MLModel,
    model: nn.Module,
    quantize: str,
    target: str,
    inputs: ModelInputs,
    skip: Sequence[str] = (),
) -> MLModel:
    """As `compress_weights` with palettes, compensated on ``inputs``.

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
    fitted = compensated_palettes(model, stored, inputs)
    values = {constant: fitted[weight][quantize].values for weight, constant in constants.items()}
    return compress_each(core_ml, formats, target, values)


def moments_of(
    model: nn.Module, weights: Iterable[str], inputs: ModelInputs, seed: int = 0
) -> dict[str, Moments]:
    """The moments of linear layers and tables, from one backward pass an input: the slopes are
    those of a random sum of the model's outputs (Hutchinson 1989).

    Args:
        weights: names of parameters; those of other modules are left out.
    """
    modules = {weight: model.get_submodule(weight.rpartition(".")[0]) for weight in weights}
    layers = {w: each for w, each in modules.items() if isinstance(each, nn.Linear)}
    tables = {  # all of them, for the slopes of what is computed from them
        name: table.detach().requires_grad_()
        for name, table in model.named_parameters()
        if isinstance(model.get_submodule(name.rpartition(".")[0]), nn.Embedding)
    }
    chance = torch.Generator().manual_seed(seed)
    rows: dict[str, torch.Tensor] = {}
    columns: dict[str, torch.Tensor] = {}

    def add(sums: dict[str, torch.Tensor], weight: str, vectors: torch.Tensor) -> None:
        sums[weight] = sums.get(weight, 0) + vectors.T @ vectors

    for each in inputs:
        with torch.enable_grad(), _recorded(layers) as calls:
            outputs = torch.func.functional_call(model, tables, tuple(each))
            whole = torch.cat([output.flatten() for output in outputs])
            probe = torch.randn(whole.shape, generator=chance)
            ends = [*tables.values(), *(given for _, _, given in calls)]
            slopes = torch.autograd.grad(whole @ probe, ends, allow_unused=True)
        for weight, slope in zip(tables, slopes, strict=False):
            if weight in modules and slope is not None:
                add(columns, weight, slope[slope.any(1)])
        for (weight, taken, _), slope in zip(calls, slopes[len(tables) :], strict=True):
            layer = layers[weight]
            add(columns, weight, _vectors(taken, layer.in_features))
            if layer.out_features <= MOST_ROWS and slope is not None:
                add(rows, weight, _vectors(slope, layer.out_features))
    return {weight: Moments(sums, rows.get(weight)) for weight, sums in columns.items()}


@contextmanager
def _recorded(
    layers: dict[str, nn.Linear],
) -> Iterator[list[tuple[str, torch.Tensor, torch.Tensor]]]:
    """What each call of a layer takes and gives: the weight, the inputs, the outputs."""
    calls: list[tuple[str, torch.Tensor, torch.Tensor]] = []

    def watch(weight: str, layer: nn.Linear) -> torch.utils.hooks.RemovableHandle:
        def add(_: nn.Module, taken: tuple[torch.Tensor, ...], given: torch.Tensor) -> None:
            calls.append((weight, taken[0].detach(), given))

        return layer.register_forward_hook(add)

    handles = [watch(weight, layer) for weight, layer in layers.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _vectors(values: torch.Tensor, width: int) -> torch.Tensor:
    """(vectors, width); layout ane has the channels first."""
    return values.movedim(1 if values.ndim == 4 else -1, -1).reshape(-1, width)


def compensated(
    weight: torch.Tensor, rounded: torch.Tensor, moments: Moments, groups: PaletteGroups
) -> torch.Tensor:
    """A matrix with the values of its palettes, so chosen that the model's outputs move least.

    Args:
        weight: (rows, columns).
        rounded: the same, rounded plainly; its values are the palettes of ``groups``.
    """
    palettes = _palettes(rounded, groups)
    order = moments.columns.diagonal().argsort(descending=True)  # what counts most comes first
    upper = _inverse_root(moments.columns[order][:, order])
    palettes = palettes[:, order] if palettes.shape[1] > 1 else palettes
    if moments.rows is None:
        return _by_columns(weight[:, order], palettes, upper)[:, order.argsort()]
    turn = moments.rows.diagonal().argsort(descending=True)
    down = _inverse_root(moments.rows[turn][:, turn])
    left, found = weight[turn][:, order], torch.empty_like(weight)
    for start in range(0, len(left), ROWS):
        rows = slice(start, min(start + ROWS, len(left)))
        own = palettes[turn[rows]] if len(palettes) > 1 else palettes
        found[rows] = _by_columns(left[rows], own, upper)
        lost = left[rows] - found[rows]
        losses = torch.linalg.solve_triangular(down[rows, rows].T, lost, upper=False)
        left[rows.stop :] -= down[rows, rows.stop :].T @ losses
    return found[turn.argsort()][:, order.argsort()]


def _by_columns(weight: torch.Tensor, palettes: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
    """One column after another rounded to ``palettes``, (rows or 1, columns or 1, values)."""
    left, found = weight.clone(), torch.empty_like(weight)
    for start in range(0, left.shape[1], BLOCK):
        columns = slice(start, min(start + BLOCK, left.shape[1]))
        block, root = left[:, columns].clone(), upper[columns, columns]
        losses = torch.empty_like(block)
        for number in range(block.shape[1]):
            column = block[:, number : number + 1]
            palette = palettes[:, min(start + number, palettes.shape[1] - 1)]
            palette = palette.expand(len(column), -1)
            nearest = palette.gather(1, (palette - column).abs().argmin(1, keepdim=True))
            found[:, start + number] = nearest[:, 0]
            losses[:, number] = (column - nearest)[:, 0] / root[number, number]
            block[:, number:] -= losses[:, number : number + 1] * root[number, number:]
        left[:, columns.stop :] -= losses @ upper[columns, columns.stop :]
    return found


def _palettes(rounded: torch.Tensor, groups: PaletteGroups) -> torch.Tensor:
    """The values of each palette, (rows or 1, columns or 1, most values), filled up with
    infinity."""
    values = [torch.from_numpy(group).unique() for group in groups.split(rounded.numpy())]
    filled = nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=float("inf"))
    if len(filled) == 1:
        return filled[None]
    return filled.repeat_interleave(groups.size, dim=0).unsqueeze(1 - groups.axis)


def _inverse_root(moments: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse, computed in float64."""
    damped = moments.double()
    damped += torch.eye(len(damped)) * (DAMPING * damped.diagonal().mean()).clamp_min(1e-12)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    root: torch.Tensor = torch.linalg.cholesky(inverse, upper=True)
    return root.to(moments.dtype)
