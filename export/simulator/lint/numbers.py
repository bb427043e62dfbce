"""Numbers that half precision does not hold, in constants and on real inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .rule import Function

GREATEST = 65_504.0
"""Of half precision."""
LEAST = 2.0**-25
"""What is smaller rounds to zero."""
MASK = -30_000.0
"""A constant below this is a mask, not a weight."""
HEADROOM = 4.0
"""A value that real inputs bring within this factor of the greatest may pass it on others."""


def not_held(function: Function) -> Iterator[str]:
    """Constants above the greatest half, or single numbers that round to zero; masks are apart."""
    for name, values in function.numbers.items():
        high = float(values.max())
        tiny = values.size == 1 and 0 < abs(float(values.item())) <= LEAST
        if high > GREATEST or np.isnan(values).any() or tiny:
            yield name


def masks(function: Function) -> Iterator[str]:
    """Constants that become -inf in half precision, or do so when they are added."""
    return (name for name, values in function.numbers.items() if float(values.min()) < MASK)


def overflows(function: Function) -> Iterator[str]:
    """Values that passed the greatest half on real inputs."""
    return (name for name, peak in function.peaks.items() if not peak <= GREATEST)


def near_overflow(function: Function) -> Iterator[str]:
    """Values that came within `HEADROOM` of the greatest half on real inputs, with how near."""
    return (
        f"{name} ({peak:.0f}, headroom {GREATEST / peak:.1f})"
        for name, peak in function.peaks.items()
        if GREATEST / HEADROOM < peak <= GREATEST
    )
