"""What a model's description says of an input beside its type: which shapes, which default."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from coremltools.proto.FeatureTypes_pb2 import FeatureType, SizeRange
    from coremltools.proto.Model_pb2 import FeatureDescription

Shape = tuple[int, ...]
Range = tuple[int, int | None]
COLOURS = {"RGB": 3, "BGR": 3}


@dataclass(frozen=True)
class Allowed:
    """The shapes of one array or image: those ``enumerated``, or of each axis the least and
    greatest size (None where it has no end); nothing where the program alone decides. ``default``
    fills an optional input that is not given, of shape ``shape``."""

    enumerated: tuple[Shape, ...] = ()
    ranges: tuple[Range, ...] = ()
    default: float | None = None
    shape: Shape = ()

    def refusal(self, shape: Shape) -> str | None:
        """Why a shape is not allowed, in Core ML's own words; None where it is."""
        if self.enumerated and shape not in self.enumerated:
            return (
                f"MultiArray Shape ({_by(shape)}) was not in enumerated set of allowed shapes: "
                + ", ".join(f"({_by(one)})" for one in sorted(self.enumerated))
            )
        for axis, (size, (least, most)) in enumerate(zip(shape, self.ranges, strict=False)):
            if size < least or (most is not None and size > most):
                end = "" if most is None else most
                return (
                    f"Size ({size}) of dimension ({axis}) is not in allowed range ({least}..{end})"
                )
        return None


def _by(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def allowed(features: Iterable[FeatureDescription]) -> dict[str, Allowed]:
    """By input name, of the arrays and images of a model description."""
    readers = {"multiArrayType": _array, "imageType": _image}
    return {
        feature.name: readers[kind](feature.type)
        for feature in features
        if (kind := feature.type.WhichOneof("Type")) in readers
    }


def _array(kind: FeatureType) -> Allowed:
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
        ranges=tuple(map(_range, array.shapeRange.sizeRanges)) if flexible == "shapeRange" else (),
        default=default,
        shape=tuple(array.shape),
    )


def _image(kind: FeatureType) -> Allowed:
    """An image is (1, channels, height, width) to the program."""
    image = kind.imageType
    before = (1, COLOURS.get(image.ColorSpace.Name(image.colorSpace), 1))
    flexible = image.WhichOneof("SizeFlexibility")
    if flexible == "enumeratedSizes":
        sizes = [(one.height, one.width) for one in image.enumeratedSizes.sizes]
        return Allowed(enumerated=tuple((*before, *size) for size in sizes))
    if flexible == "imageSizeRange":
        both = (image.imageSizeRange.heightRange, image.imageSizeRange.widthRange)
        fixed: list[Range] = [(size, size) for size in before]
        return Allowed(ranges=tuple(itertools.chain(fixed, map(_range, both))))
    return Allowed()


def _range(one: SizeRange) -> Range:
    return one.lowerBound, None if one.upperBound < 0 else one.upperBound


def fits(shape: Shape, declared: tuple[int | str, ...]) -> bool:
    """Whether a shape is what a program declares, a name being any size."""
    return len(shape) == len(declared) and all(
        isinstance(d, str) or d == size for size, d in zip(shape, declared, strict=True)
    )


def in_words(declared: tuple[int | str, ...], rule: Allowed) -> str:
    """A shape with the bounds of a flexible size in the place of its name."""
    sizes = []
    for axis, size in enumerate(declared):
        least, most = rule.ranges[axis] if axis < len(rule.ranges) else (None, None)
        flexible = "any" if least is None else f"{least}..{'' if most is None else most}"
        sizes.append(flexible if isinstance(size, str) else str(size))
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def filled(rule: Allowed) -> np.ndarray:
    """An optional input that was not given."""
    return np.full(rule.shape, rule.default, np.float32)
