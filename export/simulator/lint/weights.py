"""How weights are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from .rule import Function

LARGE = 1 << 16
"""Bytes of a weight that is worth sharing."""
FEW = 16
"""Entries of a palette of four bits."""
INTEGERS = ("constexpr_blockwise_shift_scale", "constexpr_affine_dequantize")


def four_bits(function: Function) -> Iterator[str]:
    """Weights from a palette of up to sixteen entries, or in integers of four bits."""
    for op in function.constants:
        if op.op_type == "constexpr_lut_to_dense":
            table = np.asarray(op.lut.val)
            entries = table.shape[-2] if table.ndim > 1 else table.size
            if entries <= FEW:
                yield op.name
        elif op.op_type == "constexpr_blockwise_shift_scale" and _bits(op) <= 4:
            yield op.name


def linear_eight_bits(function: Function) -> Iterator[str]:
    """Weights stored as integers of eight bits with a scale."""
    return (op.name for op in function.constants if op.op_type in INTEGERS and _bits(op) == 8)


def stored_twice(function: Function) -> Iterator[str]:
    """Large constants of the same content; one of a pair that shares its storage is the same."""
    first: dict[str, str] = {}
    for op in function.constants:
        value = op.outputs[0].val if op.op_type == "const" else None
        if not isinstance(value, np.ndarray) or value.nbytes < LARGE:
            continue
        content = f"{value.shape} {value.dtype} {hashlib.sha256(value.tobytes()).hexdigest()}"
        known = first.setdefault(content, op.name)
        if known != op.name:
            yield f"{op.name} as {known}"


def _bits(op: object) -> int:
    from coremltools.converters.mil.mil import types

    data = getattr(op, "data", None) or getattr(op, "quantized_data", None)
    dtype = getattr(data, "dtype", None)
    name = str(types.builtin_to_string(dtype)) if dtype is not None else "int8"
    return int(name.removeprefix("u").removeprefix("int"))
