"""Choice and repetition: MIL's nested blocks become ONNX's subgraphs."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from ..graph import Graph, tensor_info
from ..mil import Operation, Variable
from . import operation

LOOP_LIMIT = "limit of loop"
"""Begins the name of the node that stops a run whose loop does not end."""


@operation("select")
def select(graph: Graph, op: Operation) -> str:
    """``a`` where ``cond``, else ``b``; the three broadcast."""
    condition = graph.cast(graph.value(op.cond), "bool")
    return graph.node("Where", [condition, graph.value(op.a), graph.value(op.b)])


def _scalar(graph: Graph, name: str) -> str:
    """A condition as ONNX wants it: a boolean without axes."""
    return graph.node("Reshape", [graph.cast(name, "bool"), graph.int64([])])


def _results(inner: Graph, variables: Sequence[Variable]) -> list[onnx.ValueInfoProto]:
    """Make values the outputs of a subgraph; each needs a node of its own there."""
    infos = []
    for var in variables:
        name = inner.node("Identity", [inner.value(var)])
        infos.append(tensor_info(name, var, shaped=False))
    return infos


@operation("cond")
def cond(graph: Graph, op: Operation) -> list[str]:
    """The outputs of the first block where ``pred`` holds, else those of the second."""
    branches = []
    for block in op.blocks:
        inner = graph.subgraph(block, f"a branch of {op.name!r}")
        branches.append(inner.proto(inner.fresh("branch"), [], _results(inner, block.outputs)))
    return graph.node_of(
        len(op.outputs),
        "If",
        [_scalar(graph, graph.value(op.pred))],
        then_branch=branches[0],
        else_branch=branches[1],
    )


@operation("while_loop")
def while_loop(graph: Graph, op: Operation) -> list[str]:
    """The condition runs once before the loop and then at the end of every step. A loop that does
    not end within the graph's limit stops the run with an error."""
    graph.loops.append(op.name)
    condition, body = op.blocks
    start = [graph.value(var) for var in op.loop_vars]
    graph.names.update(zip(condition.inputs, start, strict=True))
    graph.translate(condition.operations, f"the condition of {op.name!r}")
    first = _scalar(graph, graph.value(condition.outputs[0]))

    inner = Graph(graph.precision, parent=graph)
    inputs = [inner.fresh("loop") for _ in op.loop_vars]
    inner.names.update(zip(body.inputs, inputs, strict=True))
    inner.translate(body.operations, f"the body of {op.name!r}")
    results = _results(inner, body.outputs)
    inner.names.update(zip(condition.inputs, (info.name for info in results), strict=True))
    inner.translate(condition.operations, f"the condition of {op.name!r}")
    still = _scalar(inner, inner.value(condition.outputs[0]))
    again = helper.make_tensor_value_info(still, TensorProto.BOOL, [])
    counter = helper.make_tensor_value_info(inner.fresh("step"), TensorProto.INT64, [])
    before = helper.make_tensor_value_info(inner.fresh("still"), TensorProto.BOOL, [])
    pairs = zip(inputs, body.inputs, strict=True)
    taken = [tensor_info(name, var, shaped=False) for name, var in pairs]
    carried = helper.make_tensor_value_info(inner.fresh("still"), TensorProto.BOOL, [])
    going = helper.make_tensor_value_info(inner.node("Identity", [still]), TensorProto.BOOL, [])
    proto = inner.proto(
        inner.fresh("body"), [counter, before, *taken, carried], [again, *results, going]
    )
    limit = graph.int64(graph.max_iterations)
    names = graph.node_of(len(op.outputs) + 1, "Loop", [limit, first, *start, first], body=proto)
    return _ended(graph, op, names)


def _ended(graph: Graph, op: Operation, names: list[str]) -> list[str]:
    """The results of a loop whose last one says whether it would go on: then the limit ended it,
    and the index 1 into one value stops the run. `LOOP_LIMIT` tells that error from others."""
    *results, still = names
    index = graph.cast(still, "int64")
    one = graph.node("Unsqueeze", [results[0], graph.int64([0])])
    results[0] = graph.node("Gather", [one, index], axis=0)
    graph.nodes[-1].name = f"{LOOP_LIMIT} {op.name}"
    return results
