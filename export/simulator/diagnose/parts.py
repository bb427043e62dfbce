"""The part of an encoder that an operation belongs to, read from the names of its weights."""

from __future__ import annotations

import re

from ..mil import Function, Operation, Variable

LAYER = re.compile(r"(?:^|_)(?:layers?|blocks?)_(\d+)_(.+)")
ENDINGS = re.compile(r"_(?:weight|bias)(?:_.*)?$")
ATTENTION = ("softmax", "scaled_dot_product_attention")
WEIGHT = re.compile(r"_(?:weight|bias)(?:_|$)")


def parts(function: Function) -> dict[str, str]:
    """Part by operation name. Operations without weights belong to the part of the weights before
    them, but for those of a layer that compute its attention, and those that no weights follow:
    they come after the last layer."""
    runs: list[tuple[str, list[Operation]]] = [("inputs", [])]
    for op in function.operations:
        if op.op_type.startswith("const"):
            continue
        named = [name for name in map(_weight_name, inputs_of(op)) if name]
        if named:
            runs.append((_part(named[0]), []))
        runs[-1][1].append(op)
    places: dict[str, str] = {}
    for number, (part, run) in enumerate(runs, 1):
        layer, comma, _ = part.partition(", ")
        behind = part
        if comma and any(op.op_type in ATTENTION for op in run):
            behind = f"{layer}, attention"
        elif comma and number == len(runs):
            behind = f"after {layer}"
        places |= dict.fromkeys((op.name for op in run), behind)
        if run:
            places[run[0].name] = part
    return places


def inputs_of(op: Operation) -> list[Variable]:
    """The values that an operation takes, those of a parameter of several one by one."""
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
