"""One small function per MIL operation, grouped as MIL's own reference groups them.

To add an operation, write in the module of its group

    @operation("relu")
    def relu(graph: Graph, op: Operation) -> str:
        return graph.node("Relu", [graph.value(op.x)])

The function appends ONNX nodes to the graph and returns the name of its result, or a list of
names in the order of the operation's outputs. ``op.x`` is the MIL input ``x`` (None when it is
not given), ``op.x.val`` its value where that is constant. Rounding to half precision is the
graph's business.

What an operation must do is defined in coremltools: its shapes, defaults and formula stand in the
docstring of the class of its name in `coremltools.converters.mil.mil.ops.defs`, iOS 15 to 18. The
first line here says the formula with MIL's own names of inputs; without a word on shapes, ``x`` and
the result have the same.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ..graph import Graph
    from ..mil import Operation

Translate = Callable[["Graph", "Operation"], str | list[str]]
T = TypeVar("T", bound=Translate)

OPERATIONS: dict[str, Translate] = {}


def operation(*names: str) -> Callable[[T], T]:
    """Register a function as the translation of the MIL operations ``names``.

    Raises:
        ValueError: an operation that has a translation already.
    """

    def register(translate: T) -> T:
        for name in names:
            if name in OPERATIONS:
                raise ValueError(f"operation {name!r} is registered twice")
            OPERATIONS[name] = translate
        return translate

    return register


def load_operations() -> None:
    """Import every module of this package, so that its operations are known."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
