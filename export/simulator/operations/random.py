"""Random values. No two runtimes draw the same ones; shape and distribution are as asked."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from ..mil import Operation
from . import operation


def _seed(op: Operation) -> float | None:
    """MIL's -1 asks for a new seed every time, which ONNX says by giving none."""
    return None if op.seed.val < 0 else float(op.seed.val)


def _template(graph: Graph, op: Operation) -> str:
    zero = graph.constant(np.float32(0))
    return graph.node("Expand", [zero, graph.as_int64(op.shape)])


@operation("random_uniform")
def random_uniform(graph: Graph, op: Operation) -> str:
    """``high < low`` exchanges the two, ``high == low`` gives that value."""
    like, low, high = _template(graph, op), float(op.low.val), float(op.high.val)
    shares = graph.node("RandomUniformLike", [like], dtype=1, low=0.0, high=1.0, seed=_seed(op))
    spread = graph.node("Mul", [shares, graph.float32(high - low)])
    return graph.node("Add", [spread, graph.float32(low)])


@operation("random_normal")
def random_normal(graph: Graph, op: Operation) -> str:
    """Of ``shape``, normal with ``mean`` and ``stddev``."""
    return graph.node(
        "RandomNormalLike",
        [_template(graph, op)],
        dtype=1,
        mean=float(op.mean.val),
        scale=float(op.stddev.val),
        seed=_seed(op),
    )


@operation("random_bernoulli")
def random_bernoulli(graph: Graph, op: Operation) -> str:
    """Of ``shape``: 1 with the chance ``prob``, else 0, in float."""
    like = _template(graph, op)
    shares = graph.node("RandomUniformLike", [like], dtype=1, low=0.0, high=1.0, seed=_seed(op))
    drawn = graph.node("Less", [shares, graph.float32(op.prob.val)])
    return graph.cast(drawn, "float32")


@operation("random_categorical")
def random_categorical(graph: Graph, op: Operation) -> str:
    """ONNX draws for rows: the leading axes are one while it does."""
    x, size = graph.value(op.x), int(op.size.val)
    if op.mode.val == "probs":
        x = graph.node("Log", [x])
    classes = graph.node("Shape", [x], start=op.x.rank - 1)
    rows = graph.node("Reshape", [x, graph.node("Concat", [graph.int64([-1]), classes], axis=0)])
    drawn = graph.node("Multinomial", [rows], sample_size=size, seed=_seed(op), dtype=6)
    before = graph.node("Shape", [x], start=0, end=op.x.rank - 1)
    shape = graph.node("Concat", [before, graph.int64([size])], axis=0)
    return graph.cast(graph.node("Reshape", [drawn, shape]), "float32")
