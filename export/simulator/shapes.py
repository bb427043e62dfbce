"""What a model's description says of an input beside its type: which shapes, which default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Allowed:
    """The shapes of one array input: those ``enumerated``, or of each axis the least and greatest
    size (None where it has no end); nothing where the program alone decides. ``default`` fills an
    optional input that is not given, of shape ``shape``."""

    enumerated: tuple[Shape, ...] = ()
    ranges: tuple[tuple[int, int | None], ...] = ()
    default: float | None = None
    shape: Shape = ()

    def holds(self, shape: Shape) -> bool:
        if self.enumerated:
            return shape in self.enumerated
        return not self.ranges or (
            len(shape) == len(self.ranges)
            and all(
                least <= size and (most is None or size <= most)
                for size, (least, most) in zip(shape, self.ranges, strict=True)
            )
        )

    def __str__(self) -> str:
        if self.enumerated:
            return " or ".join(map(str, sorted(self.enumerated)))
        sizes = [
            str(least) if least == most else f"{least} to {'any' if most is None else most}"
            for least, most in self.ranges
        ]
        return f"({', '.join(sizes)})"


def allowed(features: Iterable[Any]) -> dict[str, Allowed]:
    """By input name, of the array inputs of a model description."""
    return {
        feature.name: _allowed(feature.type)
        for feature in features
        if feature.type.WhichOneof("Type") == "multiArrayType"
    }


def _allowed(kind: Any) -> Allowed:
    array = kind.multiArrayType
    default = None
    if kind.isOptional:
        given = array.WhichOneof("defaultOptionalValue")
        default = float(getattr(array, given)) if given else 0.0
    flexible = array.WhichOneof("ShapeFlexibility")
    return Allowed(
        enumerated=tuple(tuple(s.shape) for s in array.enumeratedShapes.shapes)
        if flexible == "enumeratedShapes"
        else (),
        ranges=tuple(
            (r.lowerBound, None if r.upperBound < 0 else r.upperBound)
            for r in array.shapeRange.sizeRanges
        )
        if flexible == "shapeRange"
        else (),
        default=default,
        shape=tuple(array.shape),
    )


def fits(shape: Shape, declared: tuple[int | str, ...]) -> bool:
    """Whether a shape is what a program declares, a name being any size."""
    return len(shape) == len(declared) and all(
        isinstance(d, str) or d == size for size, d in zip(shape, declared, strict=True)
    )


def filled(rule: Allowed) -> np.ndarray:
    """An optional input that was not given."""
    return np.full(rule.shape, rule.default, np.float32)
