"""Numbers that half precision does not hold, in constants and on real inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..graph import mil_type
from ..mil import Operation, Variable
from .rule import Function

GREATEST = 65_504.0
"""Of half precision."""
LEAST = 2.0**-25
"""What is smaller rounds to zero."""
MASK = -30_000.0
"""A constant below this is a mask, not a weight."""
HEADROOM = 4.0
"""A value that real inputs bring within this factor of the greatest may pass it on others."""
BOUNDS = (
    *("clip", "maximum", "minimum", "threshold"),
    *("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"),
)
"""Operations that compare with a constant and do not compute with it: an infinite one is right."""
DEFAULTS = {"log": np.float32(1e-45), "rsqrt": np.float32(1e-12)}
"""What coremltools writes as epsilon of an operation to which the model adds none."""


def not_held(function: Function) -> Iterator[str]:
    """Constants of operations in half precision that are above the greatest half, and single
    numbers that round to zero; masks are apart."""
    for var, values in _numbers(function):
        high = float(values.max())
        tiny = values.size == 1 and 0 < abs(float(values.item())) <= LEAST
        wrong = high > GREATEST or np.isnan(values).any() or tiny
        if wrong and _in_half(var) and not _is_default(var):
            yield var.name


def masks(function: Function) -> Iterator[str]:
    """Constants that become -inf in half precision, or do so when they are added."""
    return (var.name for var, values in _numbers(function) if _is_mask(var, values))


def beyond_half(function: Function) -> Iterator[str]:
    """Constants of operations in single precision that half precision does not hold."""
    for var, values in _numbers(function):
        large = float(np.abs(values).max()) > GREATEST
        if large and not _in_half(var) and not _is_mask(var, values):
            yield var.name


def overflows(function: Function) -> Iterator[str]:
    """Values in half precision that passed the greatest half on real inputs."""
    return (name for name, peak in _half_peaks(function) if peak > GREATEST)


def near_overflow(function: Function) -> Iterator[str]:
    """Values that came within `HEADROOM` of the greatest half on real inputs, with how near."""
    return (
        f"{name} ({peak:.0f}, headroom {GREATEST / peak:.1f})"
        for name, peak in _half_peaks(function)
        if GREATEST / HEADROOM < peak <= GREATEST
    )


def _numbers(function: Function) -> Iterator[tuple[Variable, np.ndarray]]:
    """Float constants that operations compute with."""
    for op in function.constants:
        var = op.outputs[0]
        bound = bool(var.child_ops) and all(each.op_type in BOUNDS for each in var.child_ops)
        if var.name in function.numbers and not bound:
            yield var, function.numbers[var.name]


def _half_peaks(function: Function) -> Iterator[tuple[str, float]]:
    results = (var for op in function.operations for var in op.outputs)
    names = [var.name for var in results if mil_type(var) == "float16"]
    return ((name, function.peaks[name]) for name in names if name in function.peaks)


def _in_half(var: Variable) -> bool:
    return mil_type(var) == "float16" or any(map(_gives_half, var.child_ops))


def _gives_half(op: Operation) -> bool:
    return any(mil_type(result) == "float16" for result in op.outputs)


def _is_mask(var: Variable, values: np.ndarray) -> bool:
    """Whether a mask is, or what it is put on becomes, half precision."""
    if not float(values.min()) < MASK:
        return False
    after = (each for op in var.child_ops for result in op.outputs for each in result.child_ops)
    return _in_half(var) or any(map(_gives_half, after))


def _is_default(var: Variable) -> bool:
    return bool(var.child_ops) and all(
        op.inputs.get("epsilon") is var and np.float32(var.val) == DEFAULTS.get(op.op_type)
        for op in var.child_ops
    )
