"""How packages store weights in even steps: what `export` writes, and what a training that is aware
of it must reckon with."""

from __future__ import annotations

from dataclasses import dataclass

SMALL = 2048
"""Weights of no more elements (biases, norms) stay as they are: they cost accuracy, not room."""
INT4_BLOCK = 32
"""Neighbours in a row that share a scale."""


@dataclass(frozen=True)
class EvenSteps:
    """Whole multiples of a scale from ``-greatest`` to ``greatest``; ``block`` neighbours in a row
    share a scale, all of the row where it is None. ``activations``: what is multiplied with the
    weights is rounded to 8 bits, too."""

    greatest: int
    block: int | None = None
    activations: bool = False

    def shared_by(self, size: int) -> int:
        """How many neighbours share a scale in a row of ``size``."""
        return size if self.block is None else greatest_divisor(size, self.block)


EVEN_STEPS = {
    "int8": EvenSteps(127),
    "int4": EvenSteps(7, INT4_BLOCK),
    "w8a8": EvenSteps(127, activations=True),
}
"""Quantization -> its steps."""


def greatest_divisor(size: int, most: int) -> int:
    """The greatest divisor of ``size`` that is no more than ``most``."""
    return max(part for part in range(1, most + 1) if size % part == 0)
