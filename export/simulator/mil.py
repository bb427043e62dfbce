"""What the simulator needs of the classes of `coremltools`: an ML Program as it is read, which has
no types of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Variable(Protocol):
    """A value of a program; ``val`` is an array or a number where it is constant, else None."""

    @property
    def name(self) -> str:
        """Its name in the program."""

    @property
    def val(self) -> Any:
        """The value of a constant: an array, a number or text; else None."""

    @property
    def shape(self) -> Sequence[Any]:
        """Sizes, or symbols for those that are flexible."""

    @property
    def rank(self) -> int:
        """The number of its axes."""

    @property
    def dtype(self) -> Any:
        """The type of its elements, a class of `coremltools.converters.mil.mil.types`."""

    @property
    def sym_type(self) -> Any:
        """The type, of lists and dictionaries too."""

    @property
    def elem_type(self) -> Any:
        """Of a list, what it holds."""

    @property
    def child_ops(self) -> Sequence[Operation]:
        """The operations that read it."""

    @property
    def consuming_blocks(self) -> Sequence[Block]:
        """The blocks that give it out."""

    @property
    def op(self) -> Operation | None:
        """What gives the value; None for an input."""


class Operation(Protocol):
    """One operation; ``op.x`` is its input ``x``, a variable, or None where it is left out."""

    @property
    def name(self) -> str:
        """Its name in the program."""

    @property
    def op_type(self) -> str:
        """The kind of operation, such as ``linear``."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """By parameter a `Variable`, or a tuple of them for a parameter that takes several."""

    @property
    def outputs(self) -> Sequence[Variable]:
        """The values it gives, in order."""

    @property
    def blocks(self) -> Sequence[Block]:
        """The branches of a conditional, or the condition and the body of a loop."""

    def materialized_val_inference(self) -> Any:
        """The value of a ``constexpr_`` operation, expanded."""

    def __getattr__(self, name: str) -> Any: ...


class Block(Protocol):
    """Operations in order, with what goes in and comes out: a branch, or the body of a loop."""

    @property
    def inputs(self) -> Sequence[Variable]:
        """Values that the operation around it gives the block."""

    @property
    def outputs(self) -> Sequence[Variable]:
        """Values that the block gives."""

    @property
    def operations(self) -> Sequence[Operation]:
        """All of them, constants included, without those of blocks inside."""


class Function(Protocol):
    """A function of a program."""

    @property
    def inputs(self) -> Mapping[str, Variable]:
        """Inputs by name, states among them."""

    @property
    def outputs(self) -> Sequence[Variable]:
        """Its results."""

    @property
    def operations(self) -> Sequence[Operation]:
        """All of them, constants included, without those of branches and loops."""
