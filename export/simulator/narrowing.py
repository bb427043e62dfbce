"""Whole numbers that a cast at the entry of a program would change: a run with one of them stops.

coremltools casts ids to int16 before they are looked up, or carries them in half precision. A
number that wraps or is rounded there would be another id. What a program computes is cast as it
says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from .errors import SimulatorError
from .mil import Operation, Variable

if TYPE_CHECKING:
    from .graph import Graph

_MOVES = frozenset(
    (
        *("cast", "concat", "expand_dims", "gather", "identity", "pad", "reshape", "reverse"),
        *("select", "slice_by_index", "slice_by_size", "split", "squeeze", "stack", "tile"),
        "transpose",
    )
)
_MOVED = ("x", "values", "a", "b")
"""Parameters whose numbers a move passes on; not its indices or its condition."""
_STOP = re.compile(r"narrowing\.\d+ to (\w+) of ([\w, ]+)")
"""Names the node that stops a run."""


def entries_of(op: Operation, entries: Mapping[Variable, frozenset[str]]) -> frozenset[str]:
    """Names of the inputs whose numbers the results of an operation hold, moved at most.

    Args:
        entries: the same of the values that the operation takes.
    """
    if op.op_type not in _MOVES:
        return frozenset()
    return frozenset().union(*(entries.get(var, frozenset()) for var in _passed_on(op)))


def _passed_on(op: Operation) -> Iterator[Variable]:
    for name in _MOVED:
        value = op.inputs.get(name)
        if value is not None:
            yield from value if isinstance(value, list | tuple) else [value]


def kept_whole(graph: Graph, op: Operation, kind: str, target: str, result: str) -> str:
    """``result``, to which ``op`` casts a value from ``kind``. A run stops where the value comes
    from an input of the function and was another whole number there; a fraction that is cut off,
    as a cast to integers does, is none."""
    names = graph.entries.get(op.x, frozenset())
    if not names or not _holds_whole_numbers(op, kind, target):
        return result
    pair = [graph.cast(name, "float64") for name in (graph.value(op.x), result)]
    if _is_float(kind):
        pair = [_whole_part(graph, name) for name in pair]
    changed = graph.cast(graph.node("Not", [graph.node("Equal", pair)]), "int64")
    count = graph.node("ReduceSum", [changed], keepdims=0)
    only_one = graph.node("Unsqueeze", [result, graph.int64([0])])
    stopped = graph.node("Gather", [only_one, count], axis=0)
    place = f"{graph.fresh('narrowing')} to {target} of {', '.join(sorted(names))}"
    graph.nodes[-1].name = place
    return stopped


def _holds_whole_numbers(op: Operation, kind: str, target: str) -> bool:
    if "bool" in (kind, target):
        return False
    if _is_float(kind) and _is_float(target):  # ids that pass through half precision
        users = op.outputs[0].child_ops
        return any(each.op_type == "cast" and "int" in each.dtype.val for each in users)
    return True


def _is_float(kind: str) -> bool:
    return kind.startswith("float")


def _whole_part(graph: Graph, name: str) -> str:
    size = graph.node("Floor", [graph.node("Abs", [name])])
    return graph.node("Mul", [graph.node("Sign", [name]), size])


def narrowing_error(text: str, feeds: Mapping[str, np.ndarray]) -> SimulatorError | None:
    """What ONNX Runtime's error says if a run stopped here; None for another error.

    Args:
        feeds: the inputs of the run.
    """
    stop = _STOP.search(text)
    if stop is None:
        return None
    kind, names = stop[1], stop[2].split(", ")
    with np.errstate(over="ignore", invalid="ignore"):
        for name in names:
            changed = np.trunc(feeds[name]) != feeds[name].astype(kind)
            if changed.any():
                return SimulatorError(
                    f"input {name!r} holds {feeds[name][changed][0]}, which does not fit the "
                    f"{kind} that the program casts it to"
                )
    return SimulatorError(f"a number of {' or '.join(names)} changes when it is cast to {kind}")
