"""Lists of tensors (a part of control flow): a list is a tensor with one more axis in front."""

from __future__ import annotations

import numpy as np

from ..graph import Graph, mil_type
from ..mil import Operation
from . import operation


def _zeros(graph: Graph, shape: str, kind: str) -> str:
    """Zeros of a shape known at run time."""
    dtype = np.float32 if kind.startswith("float") else bool if kind == "bool" else np.int32
    return graph.node("Expand", [graph.constant(dtype(0)), shape])


@operation("make_list")
def make_list(graph: Graph, op: Operation) -> str:
    """A list starts with zeros; an axis whose size is not known yet starts with one."""
    sizes = [var.val if isinstance(var.val, int | np.integer) else 1 for var in op.elem_shape]
    length = graph.node("Reshape", [graph.as_int64(op.init_length), graph.int64([1])])
    shape = graph.node("Concat", [length, graph.int64(np.asarray(sizes, np.int64))], axis=0)
    return _zeros(graph, shape, mil_type(op.outputs[0]))


def _grown(graph: Graph, op: Operation, values: str, last: str) -> str:
    """The list, with the elements' shape of ``values`` (n, ...), and long enough for ``last``."""
    items = graph.value(op.ls)
    element = graph.node("Shape", [values], start=1)
    length = graph.node("Shape", [items], start=0, end=1)
    items = graph.node("Expand", [items, graph.node("Concat", [length, element], axis=0)])
    if not op.ls.dynamic_length:
        return items
    needed = graph.node("Add", [last, graph.int64([1])])
    missing = graph.node("Max", [graph.node("Sub", [needed, length]), graph.int64([0])])
    shape = graph.node("Concat", [missing, element], axis=0)
    more = _zeros(graph, shape, mil_type(op.outputs[0]))
    return graph.node("Concat", [items, more], axis=0)


@operation("list_write")
def list_write(graph: Graph, op: Operation) -> str:
    """The list with ``value`` in the place ``index``; a list of dynamic length grows to hold it."""
    index = graph.node("Reshape", [graph.as_int64(op.index), graph.int64([1])])
    value = graph.node("Unsqueeze", [graph.value(op.value), graph.int64([0])])
    items = _grown(graph, op, value, index)
    places = graph.node("Unsqueeze", [index, graph.int64([1])])
    return graph.node("ScatterND", [items, places, value])


@operation("list_scatter")
def list_scatter(graph: Graph, op: Operation) -> str:
    """The list with ``value`` (n, ...) in the places ``indices`` (n)."""
    indices, values = graph.as_int64(op.indices), graph.value(op.value)
    last = graph.node("ReduceMax", [indices], keepdims=1)
    items = _grown(graph, op, values, last)
    places = graph.node("Unsqueeze", [indices, graph.int64([1])])
    return graph.node("ScatterND", [items, places, values])


@operation("list_read")
def list_read(graph: Graph, op: Operation) -> str:
    """The element in the place ``index``."""
    index = graph.node("Reshape", [graph.as_int64(op.index), graph.int64(np.zeros(0))])
    return graph.node("Gather", [graph.value(op.ls), index], axis=0)


@operation("list_gather")
def list_gather(graph: Graph, op: Operation) -> str:
    """The elements in the places ``indices`` (n): (n, ...)."""
    return graph.node("Gather", [graph.value(op.ls), graph.as_int64(op.indices)], axis=0)


@operation("list_length")
def list_length(graph: Graph, op: Operation) -> str:
    """The number of elements, an int32 without axes."""
    length = graph.node("Shape", [graph.value(op.ls)], start=0, end=1)
    return graph.cast(graph.node("Reshape", [length, graph.int64(np.zeros(0))]), "int32")
