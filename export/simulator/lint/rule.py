"""What a rule is, what it looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import stored

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import FunctionDescription, ModelDescription

    from .. import mil as programs

CONSTANT = "const"
"""How the types of operations begin that hold or expand stored values."""


@dataclass(frozen=True)
class Function:
    """A function of a package: its MIL, what describes its inputs and outputs, the ``settings`` of
    the bundle around the package (empty without one), and of every value the greatest magnitude
    that it took on real inputs (``peaks``, infinite where it overflowed; empty without inputs)."""

    mil: programs.Function
    description: ModelDescription | FunctionDescription
    settings: Mapping[str, Any] = field(default_factory=dict)
    peaks: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def operations(self) -> list[programs.Operation]:
        """All operations, those of branches and loops included, without constants."""
        return [op for op in _within(self.mil) if not op.op_type.startswith(CONSTANT)]

    @cached_property
    def constants(self) -> list[programs.Operation]:
        """The operations that hold or expand a constant."""
        return [op for op in _within(self.mil) if op.op_type.startswith(CONSTANT)]

    @cached_property
    def numbers(self) -> dict[str, np.ndarray]:
        """Values of float constants by name, compressed ones expanded."""
        values = {op.outputs[0].name: stored(op.outputs[0]) for op in self.constants}
        return {
            name: value
            for name, value in values.items()
            if value is not None and value.dtype.kind == "f" and value.size
        }


def _within(block: programs.Function | programs.Block) -> Iterator[programs.Operation]:
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from _within(inner)


@dataclass(frozen=True)
class Rule:
    """A known hazard: its ``number``, the ``sentence`` that says it, the public ``report`` it rests
    on, the ``remedy``, its ``weight`` (error or caution), and what finds its places by name."""

    number: int
    weight: str
    sentence: str
    report: str
    remedy: str
    places: Callable[[Function], Iterable[str]]


@dataclass(frozen=True)
class Finding:
    """A rule that fired in a function, with the places where."""

    number: int
    weight: str
    sentence: str
    report: str
    remedy: str
    function: str
    places: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return asdict(self)
