"""Palettes: which weights share one, and how `coremltools` is given values that were fitted before.

`coremltools` chooses a palette by k-means and stores each weight as the nearest of its values. A
palette that was fitted to data (`export.bundle.compensated`) may store another of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from distill.models.stored_weights import greatest_divisor

PALETTE_GROUP = 4
"""Rows of a matrix that share a palette; each column of an embedding has its own."""


@dataclass(frozen=True)
class PaletteGroups:
    """``size`` neighbours along ``axis`` of a constant share a palette."""

    axis: int
    size: int

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """The groups of a constant, with ``axis`` first, as `coremltools` splits it."""
        first = np.swapaxes(values, 0, self.axis)
        return np.split(first, len(first) // self.size)


def palette_groups(bits: int, target: str, shape: Sequence[int], table: bool) -> PaletteGroups:
    """The groups of a constant of ``shape``; ``table``: it is read by row. Before iOS 18, and of 8
    bits, there is one palette for all."""
    if target != "iOS18" or bits == 8:
        return PaletteGroups(0, shape[0])
    if table:
        return PaletteGroups(1, 1)
    return PaletteGroups(0, greatest_divisor(shape[0], PALETTE_GROUP))


class FittedPalettes:
    """The ``lut_function`` of `coremltools` for a constant whose ``values`` were fitted before.

    Args:
        constant: the float constant that is compressed.
        values: of the same shape; those of a group are of a palette of ``bits`` bits.

    Raises:
        ValueError: a group has more values than its palette holds.
    """

    def __init__(
        self, constant: np.ndarray, values: np.ndarray, groups: PaletteGroups, bits: int
    ) -> None:
        self.entries = 2**bits
        # `coremltools` calls with the content of a group alone, which tells which one it is. The
        # values stay in float32: numpy 2.3 sorts large arrays of float16 wrongly on some CPUs.
        self.values = {
            group.tobytes(): fitted.astype(np.float32)
            for group, fitted in zip(groups.split(constant), groups.split(values), strict=True)
        }
        most = max(len(np.unique(group)) for group in self.values.values())
        if most > self.entries:
            raise ValueError(f"{most} values in a palette of {self.entries}")

    def __call__(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The palette, filled up with zeros, and the place of each weight in it."""
        found, places = np.unique(self.values[group.tobytes()], return_inverse=True)
        palette = np.zeros(self.entries, group.dtype)
        palette[: len(found)] = found
        return palette, places.astype(np.uint8).reshape(prod(group.shape))
