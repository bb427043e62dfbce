"""The witness with the weights that a package really holds.

Rounding weights to a few bits moves the outputs so far that a bound on them would let a wrong layer
pass. So the compressed matrices of the package are read back, each takes the place of the library's
matrix that it is nearest to, and the package has to compute what the library computes with them: at
the error of half precision, whatever the bits. A matrix in the wrong place shows, and so does one
that is further from every matrix of the library than its bits explain.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from distill.models.stored_weights import SMALL
from export.bundle.compress import FURTHEST
from export.proof.witness import Witness
from export.simulator.program import load_program

if TYPE_CHECKING:
    from export.simulator.mil import Operation

PROBE = 128
"""Columns by which the first row is found in a larger matrix."""


@dataclass(frozen=True)
class StoredMatrix:
    """A compressed matrix as a package reads it back, one row an output; ``table``: it is read by
    row; ``bits``: of each of its values."""

    values: torch.Tensor
    bits: int
    table: bool


def stored_matrices(package: Path) -> Iterator[StoredMatrix]:
    """The compressed matrices of a package's default function.

    Raises:
        SimulatorError: a package that cannot be read.
    """
    for op in load_program(package).function.operations:
        if op.op_type.startswith("constexpr_") and np.prod(op.outputs[0].shape) >= SMALL:
            values = np.asarray(op.materialized_val_inference(), np.float32)
            if values.ndim > 1:
                table = any(user.op_type == "gather" for user in op.outputs[0].child_ops)
                rows = torch.from_numpy(values.reshape(values.shape[0], -1))
                yield StoredMatrix(rows, _bits(op), table)


def _bits(op: Operation) -> int:
    """The bits of a value: of its index into a palette, or of its step."""
    palette = op.inputs.get("lut")
    if palette is not None:
        entries = palette.shape[-2] if len(palette.shape) > 1 else palette.shape[0]
        return int(np.log2(entries))
    from coremltools.converters.mil.mil import types

    data = op.inputs.get("data") or op.inputs["quantized_data"]
    return 4 if "4" in types.builtin_to_string(data.dtype) else 8


@torch.no_grad()
def with_stored_weights(witness: Witness, package: Path) -> Witness | None:
    """The witness with the matrices of a package in the places of its own; None where a table of
    the package is none of the library's (sums of two, made before the conversion), so that
    nothing exact can be said."""
    model = copy.deepcopy(witness.model)
    originals = [p.detach().clone() for p in _matrices(model)]
    for stored in stored_matrices(package):
        place = _place(stored.values, originals)
        if place is None or place[2] > FURTHEST[stored.bits]:
            if stored.table or place is None:
                return None
            continue
        index, row, _ = place
        rows = slice(row, row + len(stored.values))
        _matrices(model)[index][rows, : stored.values.shape[1]] = stored.values
    return replace(witness, model=model)


def _matrices(model: nn.Module) -> list[torch.Tensor]:
    return [p for p in model.parameters() if p.ndim == 2 and p.numel() >= SMALL]


def _place(values: torch.Tensor, originals: list[torch.Tensor]) -> tuple[int, int, float] | None:
    """The nearest matrix, or part of one (what belongs to idle heads, at its end, is left out): its
    index, the first row, and the distance as a share."""
    nearest: tuple[int, int, float] | None = None
    size = float(values.norm())
    for index, original in enumerate(originals):
        if original.shape[1] < values.shape[1] or len(original) < len(values):
            continue
        original = original[:, : values.shape[1]]
        starts = len(original) - len(values) + 1
        first = original[:starts, :PROBE] - values[0, :PROBE]
        row = int(first.square().sum(1).argmin())
        distance = float((original[row : row + len(values)] - values).norm()) / max(size, 1e-12)
        if nearest is None or distance < nearest[2]:
            nearest = index, row, distance
    return nearest
