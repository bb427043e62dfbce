"""The part of an encoder that an operation belongs to, read from the names of its weights."""

from __future__ import annotations

import re

from ..mil import Function, Operation, Variable

LAYER = re.compile(r"(?:^|_)(?:layers?|blocks?)_(\d+)_(.+)")
ENDINGS = re.compile(r"_(?:weight|bias)(?:_.*)?$")
WEIGHT = re.compile(r"_(?:weight|bias)(?:_|$)")


def parts(function: Function) -> dict[str, str]:
    """Part by operation name. An operation without weights belongs to the part of the weights
    before it: an attention's products stand behind its projections."""
    result, current = {}, "inputs"
    for op in function.operations:
        if op.op_type.startswith("const"):
            continue
        named = [name for name in map(_weight_name, _inputs(op)) if name]
        current = _part(named[0]) if named else current
        result[op.name] = current
    return result


def _inputs(op: Operation) -> list[Variable]:
    values: list[Variable] = []
    for value in op.inputs.values():
        values += value if isinstance(value, list | tuple) else [value]
    return values


def _weight_name(var: Variable) -> str | None:
    constant = var.op is not None and var.op.op_type.startswith("const")
    return var.name if constant and WEIGHT.search(var.name) else None


def _part(name: str) -> str:
    plain = ENDINGS.sub("", name)
    layer = LAYER.search(plain)
    if layer:
        return f"layer {layer[1]}, {layer[2].replace('_', ' ')}"
    return plain.removeprefix("encoder_").replace("_", " ")
