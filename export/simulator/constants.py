"""Values of MIL constants, compressed ones expanded by coremltools' own reference."""

from __future__ import annotations

from typing import Any

import numpy as np

from .mil import Operation, Variable

# The arguments of each operation's `decompress`. From iOS18 on the weights of one may be the
# result of another, which the operation itself does not see as a value.
_ARGUMENTS = {
    "constexpr_blockwise_shift_scale": ("data", "scale", "offset"),
    "constexpr_lut_to_dense": ("indices", "lut", "vector_axis"),
    "constexpr_lut_to_sparse": ("indices_mask", "indices_nonzero_data", "lut", "vector_axis"),
    "constexpr_sparse_blockwise_shift_scale": ("data_mask", "nonzero_data", "scale", "offset"),
    "constexpr_sparse_to_dense": ("nonzero_data", "mask"),
}


def stored(var: Variable) -> np.ndarray | None:
    """The value of a MIL constant, compressed weights expanded; None for a computed value."""
    op = var.op
    if op is None:
        return None
    if op.op_type == "const":
        return np.asarray(var.val)
    if not op.op_type.startswith("constexpr_"):
        return None
    value = _expanded(op)
    return np.asarray(value[op.outputs.index(var)] if isinstance(value, tuple) else value)


def _expanded(op: Operation) -> Any:
    """The result of a ``constexpr_`` operation, or a tuple of them."""
    inputs = [var for var in op.inputs.values() if var is not None]
    names = _ARGUMENTS.get(op.op_type)
    if names is None or all(var.op.op_type == "const" for var in inputs):
        return op.materialized_val_inference()
    values = (getattr(op, name, None) for name in names)
    decompress = type(op).decompress  # type: ignore[attr-defined] # of ``constexpr_`` alone
    return decompress(*(None if var is None else stored(var) for var in values))
