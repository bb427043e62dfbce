"""What the simulator needs of the classes of `coremltools`: an ML Program as it is read, which has
no types of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Variable(Protocol):
    """A value of a program; ``val`` is an array or a number where it is constant, else None."""

    @property
    def name(self) -> str: ...

    @property
    def val(self) -> Any: ...

    @property
    def shape(self) -> Sequence[Any]:
        """Sizes, or symbols for those that are flexible."""

    @property
    def rank(self) -> int: ...

    @property
    def dtype(self) -> Any: ...

    @property
    def sym_type(self) -> Any:
        """The type, of lists and dictionaries too."""

    @property
    def elem_type(self) -> Any:
        """Of a list, what it holds."""

    @property
    def op(self) -> Operation | None:
        """What gives the value; None for an input."""


class Operation(Protocol):
    """One operation; ``op.x`` is its input ``x``, a variable, or None where it is left out."""

    @property
    def name(self) -> str: ...

    @property
    def op_type(self) -> str: ...

    @property
    def inputs(self) -> Mapping[str, Any]: ...

    @property
    def outputs(self) -> Sequence[Any]: ...

    def materialized_val_inference(self) -> Any:
        """The value of a ``constexpr_`` operation, expanded."""

    def __getattr__(self, name: str) -> Any: ...
