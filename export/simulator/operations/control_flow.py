"""Choice and repetition: MIL's nested blocks become ONNX's subgraphs."""

from __future__ import annotations

from typing import Any

from onnx import TensorProto, helper

from export.simulator.graph import Graph, tensor_info
from export.simulator.operations import operation


@operation("select")
def select(graph: Any, op: Any) -> str:
    condition = graph.cast(graph.value(op.cond), "bool")
    return graph.node("Where", [condition, graph.value(op.a), graph.value(op.b)])


def _scalar(graph: Graph, name: str) -> str:
    """A condition as ONNX wants it: a boolean without axes."""
    return str(graph.node("Reshape", [graph.cast(name, "bool"), graph.int64([])]))


def _results(inner: Graph, variables: Any) -> list[Any]:
    """Make values the outputs of a subgraph; each needs a node of its own there."""
    infos = []
    for var in variables:
        name = inner.node("Identity", [inner.value(var)])
        infos.append(tensor_info(name, var, shaped=False))
    return infos


@operation("cond")
def cond(graph: Any, op: Any) -> list[str]:
    branches = []
    for block in op.blocks:
        inner = graph.subgraph(block, f"a branch of {op.name!r}")
        branches.append(inner.proto(inner.fresh("branch"), [], _results(inner, block.outputs)))
    names = graph.node(
        "If",
        [_scalar(graph, graph.value(op.pred))],
        outputs=len(op.outputs),
        then_branch=branches[0],
        else_branch=branches[1],
    )
    return [names] if isinstance(names, str) else list(names)


@operation("while_loop")
def while_loop(graph: Any, op: Any) -> list[str]:
    """The condition runs once before the loop and then at the end of every step."""
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
    proto = inner.proto(inner.fresh("body"), [counter, before, *taken], [again, *results])
    names = graph.node("Loop", ["", first, *start], outputs=len(op.outputs), body=proto)
    return [names] if isinstance(names, str) else list(names)
