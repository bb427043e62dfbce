"""A function's program in fewer bytes. Weights are shared between functions, programs are not: each
length adds one, and with weights of four bits that is a part of the package that counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from coremltools.converters.mil.mil import Function, Operation, Var

ENDINGS = re.compile("(_quantized|_palettized|_to_fp16|_cast_fp16|_cast_uint16)+$")
"""What coremltools adds to the name of a value; a program says a name three times and more."""
SMALL = 100
"""Elements of a constant. Those of fewer stand twice in a program of coremltools."""


def make_small(function: Function) -> None:
    """Let operations share equal settings, number those, and give the other values of a function
    the names that they had before its conversion to half precision, where these are free."""
    _share_settings(function)
    _shorten_names(function)


def _share_settings(function: Function) -> None:
    first: dict[str, Var] = {}
    for op in list(function.operations):
        if not _is_setting(op) or op.outputs[0] in function.outputs:
            continue
        var = op.outputs[0]
        content = f"{var.sym_type.__type_info__()} {np.asarray(var.val).tolist()!r}"
        kept = first.setdefault(content, var)
        if kept is not var:
            function.replace_uses_of_var_after_op(anchor_op=op, old_var=var, new_var=kept)
            function.remove_ops([op])


def _shorten_names(function: Function) -> None:
    taken = {*function.inputs, *(op.name for op in function.operations)}
    taken |= {var.name for op in function.operations for var in op.outputs}
    settings = 0
    for op in function.operations:
        for var in op.outputs:
            if var in function.outputs:
                continue
            short = ENDINGS.sub("", var.name)
            if _is_setting(op):
                short, settings = f"const_{settings}", settings + 1
            if short not in taken:
                taken.add(short)
                var.name = short
        if len(op.outputs) == 1 and op.outputs[0] not in function.outputs:
            op.name = op.outputs[0].name


def _is_setting(op: Operation) -> bool:
    """Whether an operation is a constant that is no weight: a number, text, or a few integers."""
    if op.op_type != "const":
        return False
    value = np.asarray(op.outputs[0].val)
    return value.ndim == 0 or (value.dtype.kind in "iub" and value.size < SMALL)
