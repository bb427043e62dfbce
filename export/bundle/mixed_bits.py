"""Bits for each weight by what it loses: large weights that little depends on get few.

First the error is estimated that every weight alone makes in the model's outputs, stored in every
format. Then, starting from half precision, the step that costs least error for the
bytes it saves is taken, again and again, until every weight is as small as it can be. That is a
path of packages, each smaller than the one before; `export.proof.chosen_bits` decides where on it
to stop. Weights go by the names of the parameters of our encoder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from distill.models.stored_weights import SMALL
from export.bundle.compress import (
    COMPRESSIONS,
    TARGETS,
    compress_each,
    constants_of,
)
from export.bundle.palettes import PaletteGroups

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from export.simulator.mil import Operation

FORMATS = ("int8", "lut6", "lut4", "int4", "lut3")
"""What a weight may be stored as, beside half precision."""
HALF = "none"
ENDINGS = ("_quantized", "_palettized")
Choice = Mapping[str, str]
"""Weight -> its format; a weight that is not in it stays in half precision."""


@dataclass(frozen=True)
class StoredWeight:
    """A weight in one format: ``values`` as a package reads them back, float32 of the constant's
    shape, the ``bytes`` that it takes with its scales or palettes, and which values share a
    palette."""

    values: np.ndarray
    bytes: int
    palettes: PaletteGroups | None = None


Stored = Mapping[str, Mapping[str, StoredWeight]]
"""Weight -> format -> what is stored; every weight has the format `HALF`."""


def formats_for(target: str) -> tuple[str, ...]:
    """The formats that a target holds."""
    age = TARGETS.index(target)
    return tuple(f for f in FORMATS if TARGETS.index(COMPRESSIONS[f].target) <= age)


def constants_by_weight(core_ml: MLModel, model: nn.Module) -> dict[str, str]:
    """Parameter -> constant of the float Core ML program that holds it, matched by their values:
    some layouts rename the constants. Only matrices that compression takes are in it."""
    parameters = {
        name: value.detach().half().numpy()
        for name, value in model.named_parameters()
        if value.ndim > 1
    }
    found: dict[str, str] = {}
    for op in constants_of(core_ml):
        values = op.outputs[0].val
        if np.ndim(values) < 2 or values.size <= SMALL:
            continue
        for name, parameter in parameters.items():
            if name not in found and _same_rows(parameter, values):
                found[name] = op.name
                break
    return found


def _same_rows(parameter: np.ndarray, values: np.ndarray) -> bool:
    """Whether a constant is a parameter, or its first rows: a position table is cut."""
    rows = values.shape[0]
    if parameter.shape[0] < rows or parameter[:rows].size != values.size:
        return False
    return np.array_equal(parameter[:rows].ravel(), values.ravel())


def stored_weights(
    core_ml: MLModel, constants: Mapping[str, str], formats: Iterable[str], target: str
) -> dict[str, dict[str, StoredWeight]]:
    """Every weight of a float Core ML model in each of ``formats``, palettes as `coremltools`
    chooses them, and in half precision."""
    weights = {constant: weight for weight, constant in constants.items()}
    stored: dict[str, dict[str, StoredWeight]] = {}
    for op in constants_of(core_ml):
        if op.name in weights:
            values = np.asarray(op.outputs[0].val, np.float32)
            stored[weights[op.name]] = {HALF: StoredWeight(values, 2 * values.size)}
    for quantize in formats:
        compressed = compress_each(core_ml, dict.fromkeys(weights, quantize), target)
        for op in compressed._mil_program.functions["main"].operations:
            name = op.name
            for ending in ENDINGS:
                name = name.removesuffix(ending)
            if op.op_type.startswith("constexpr_") and name in weights:
                values = np.asarray(op.materialized_val_inference(), np.float32)
                stored[weights[name]][quantize] = StoredWeight(values, _bytes_of(op), _palettes(op))
    return stored


def _bytes_of(op: Operation) -> int:
    """Bytes of what a compressed constant is made of: data, scales, palettes."""
    from coremltools.converters.mil.mil import types

    bits = 0
    for part in op.inputs.values():
        if part.shape:
            name = types.builtin_to_string(part.dtype)
            bits += prod(part.shape) * int(re.sub(r"\D", "", name))
    return bits // 8


def _palettes(op: Operation) -> PaletteGroups | None:
    """Which values of a compressed constant share a palette; None where they have scales."""
    palette = op.inputs.get("lut")
    if palette is None:
        return None
    shape = op.outputs[0].shape
    counts = palette.shape[: len(shape)] if len(palette.shape) > 1 else (1,)
    axis = int(np.argmax(counts))
    return PaletteGroups(axis, shape[axis] // counts[axis])


def errors_alone(
    model: nn.Module, stored: Stored, inputs: Sequence[Sequence[torch.Tensor]], seed: int = 0
) -> dict[tuple[str, str], float]:
    """The error that each weight makes alone in each format: mean square of the change of the
    outputs over ``inputs``, by (weight, format).

    To first order a change D of a weight changes the outputs by J D. For random r of unit variance
    the mean of (r J D)^2 is the square of its length (Hutchinson 1989), and r J is one backward
    pass an input, for all weights and formats; measuring would take a pass for each of them.
    """
    chance = torch.Generator().manual_seed(seed)
    parameters = {
        name: p.detach().requires_grad_() for name, p in model.named_parameters() if name in stored
    }
    squares = dict.fromkeys(((w, q) for w, formats in stored.items() for q in formats), 0.0)
    for each in inputs:
        with torch.enable_grad():
            found = torch.func.functional_call(model, parameters, tuple(each))
            outputs = torch.cat([output.flatten() for output in found])
            probe = torch.randn(outputs.shape, generator=chance)
            slopes = torch.autograd.grad(outputs @ probe, [*parameters.values()])
        for (weight, parameter), slope in zip(parameters.items(), slopes, strict=True):
            for quantize, kept in stored[weight].items():
                rows = kept.values.shape[0]
                values = torch.from_numpy(kept.values).reshape(parameter[:rows].shape)
                change = (slope[:rows] * (values - parameter.detach()[:rows])).sum().item()
                squares[weight, quantize] += change**2 / len(outputs)
    return {step: total / len(inputs) for step, total in squares.items()}


@contextmanager
def stored_as(model: nn.Module, stored: Stored, choice: Choice) -> Iterator[None]:
    """The model with every weight of ``choice`` as the package reads it back, for a while."""
    parameters = dict(model.named_parameters())
    before = {weight: parameters[weight].data for weight in choice}
    try:
        for weight, quantize in choice.items():
            values = torch.from_numpy(stored[weight][quantize].values)
            changed = before[weight].clone()
            rows = values.shape[0]
            changed[:rows] = values.reshape(changed[:rows].shape)
            parameters[weight].data = changed
        yield
    finally:
        for weight, data in before.items():
            parameters[weight].data = data


def compress_by_choice(
    core_ml: MLModel, constants: Mapping[str, str], stored: Stored, choice: Choice, target: str
) -> MLModel:
    """A copy of a float Core ML model with every weight of ``choice`` in its format; palettes have
    the values of ``stored``."""
    formats = {constants[weight]: quantize for weight, quantize in choice.items()}
    palettes = {
        constants[weight]: stored[weight][quantize].values
        for weight, quantize in choice.items()
        if COMPRESSIONS[quantize].kind == "palette"
    }
    return compress_each(core_ml, formats, target, palettes)


Sizes = Mapping[tuple[str, str], int]
"""(weight, format) -> bytes."""


def sizes_of(stored: Stored) -> dict[tuple[str, str], int]:
    """The bytes of every weight in every format of ``stored``, by (weight, format)."""
    return {
        (weight, quantize): each.bytes
        for weight, formats in stored.items()
        for quantize, each in formats.items()
    }


def path(sizes: Sizes, errors: Mapping[tuple[str, str], float]) -> list[dict[str, str]]:
    """Choices from every weight in half precision to every weight as small as it can be; each
    differs from the one before in one weight, by the step of least error for the bytes it saves."""
    choice: dict[str, str] = {}
    choices = [dict(choice)]

    def now(weight: str) -> tuple[str, str]:
        return weight, choice.get(weight, HALF)

    def price(step: tuple[str, str]) -> float:
        before = now(step[0])
        return (errors[step] - errors.get(before, 0.0)) / (sizes[before] - sizes[step])

    while steps := [step for step in errors if sizes[step] < sizes[now(step[0])]]:
        weight, quantize = min(steps, key=price)
        choice[weight] = quantize
        choices.append(dict(choice))
    return choices


def spend(
    choice: Choice, left: int, sizes: Sizes, errors: Mapping[tuple[str, str], float]
) -> dict[str, str]:
    """A choice with ``left`` bytes more, where they save most error each: one step of the path may
    halve a table, which is far more than a budget asked for."""
    spent = dict(choice)

    def gain(step: tuple[str, str]) -> float:
        before = step[0], spent.get(step[0], HALF)
        return (errors[before] - errors[step]) / (sizes[step] - sizes[before])

    while True:
        steps = []
        for step in errors:
            before = step[0], spent.get(step[0], HALF)
            if 0 < sizes[step] - sizes[before] <= left and errors[step] < errors[before]:
                steps.append(step)
        if not steps:
            return spent
        weight, quantize = max(steps, key=gain)
        left -= sizes[weight, quantize] - sizes[weight, spent.get(weight, HALF)]
        spent[weight] = quantize


def smallest_bytes(sizes: Sizes) -> int:
    """Bytes of all weights of ``sizes``, each as small as it can be."""
    weights = {weight for weight, _ in sizes}
    return sum(min(size for (w, _), size in sizes.items() if w == weight) for weight in weights)


def weight_bytes(sizes: Sizes, choice: Choice) -> int:
    """Bytes of all weights of ``sizes`` in their formats."""
    weights = {weight for weight, _ in sizes}
    return sum(sizes[weight, choice.get(weight, HALF)] for weight in weights)
