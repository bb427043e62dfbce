"""How weights are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from ..mil import Operation, Variable
from .rule import Function

LARGE = 1 << 16
"""Bytes of a weight that is worth sharing."""
FEW = 16
"""Entries of a palette of four bits."""
PALETTES = ("constexpr_lut_to_dense", "constexpr_lut_to_sparse")
INTEGERS = {
    "constexpr_affine_dequantize": "quantized_data",
    "constexpr_blockwise_shift_scale": "data",
    "constexpr_sparse_blockwise_shift_scale": "nonzero_data",
}
"""What holds the integers of each operation."""
MASKS = ("mask", "data_mask", "indices_mask")
"""Of sparse weights. Both steps that expand one read the same mask, which is stored once."""


def four_bits(function: Function) -> Iterator[str]:
    """Weights from a palette of up to sixteen entries, or in integers of up to four bits."""
    for op in function.constants:
        if op.op_type in PALETTES:
            shape = op.lut.shape
            if (shape[-2] if len(shape) > 1 else shape[0]) <= FEW:
                yield op.name
        elif 0 < _bits(op) <= 4:
            yield op.name


def linear_eight_bits(function: Function) -> Iterator[str]:
    """Weights stored as integers of eight bits with a scale."""
    return (op.name for op in function.constants if _bits(op) == 8)


def stored_twice(function: Function) -> Iterator[str]:
    """Large constants of the same content; one of a pair that shares its storage is the same."""
    first: dict[str, str] = {}
    for op in function.constants:
        value = op.outputs[0].val if op.op_type == "const" else None
        if not isinstance(value, np.ndarray) or value.nbytes < LARGE or _is_mask(op.outputs[0]):
            continue
        content = f"{value.shape} {value.dtype} {hashlib.sha256(value.tobytes()).hexdigest()}"
        known = first.setdefault(content, op.name)
        if known != op.name:
            yield f"{op.name} as {known}"


def _is_mask(var: Variable) -> bool:
    return any(op.inputs.get(name) is var for op in var.child_ops for name in MASKS)


def _bits(op: Operation) -> int:
    """Of the integers that an operation scales; 0 of other operations, and of one that scales what
    a palette gives."""
    from coremltools.converters.mil.mil import types

    if op.op_type not in INTEGERS:
        return 0
    name = str(types.builtin_to_string(op.inputs[INTEGERS[op.op_type]].dtype))
    return int(name.removeprefix("u").removeprefix("int")) if "int" in name else 0
