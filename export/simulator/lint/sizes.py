"""Where sizes are: known only at run time, too long, or on too many axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..mil import Variable
from .rule import Function

LONGEST_AXIS = 16_384
HIGHEST_RANK = 5
SUMS = ("reduce_mean", "reduce_sum", "reduce_l2_norm", "reduce_sum_square")


def unknown_sizes(function: Function) -> Iterator[str]:
    """Operations whose result has a size that only a run gives."""
    return (
        op.name
        for op in function.operations
        if any(not _known(size) for var in op.outputs for size in _shape(var))
    )


def sums_over_unknown_sizes(function: Function) -> Iterator[str]:
    """Sums and means over an axis whose size only a run gives; without axes, over all of them."""
    for op in function.operations:
        if op.op_type not in SUMS:
            continue
        shape = _shape(op.x)
        axes = range(len(shape)) if op.axes is None else op.axes.val
        if any(not _known(shape[axis]) for axis in axes):
            yield op.name


def enumerated_with_layer_norm(function: Function) -> Iterator[str]:
    """Layer norms, where an input has enumerated shapes."""
    if _flexible(function, "enumeratedShapes", "enumeratedSizes"):
        yield from (op.name for op in function.operations if op.op_type == "layer_norm")


def range_inputs(function: Function) -> list[str]:
    """Inputs whose shape, or size as an image, is a range."""
    return _flexible(function, "shapeRange", "imageSizeRange")


def long_axes(function: Function) -> Iterator[str]:
    """Inputs and results with an axis that the Neural Engine does not take; stored tables are none
    of them."""
    return (
        var.name
        for var in _values(function)
        if any(_known(size) and size > LONGEST_AXIS for size in _shape(var))
    )


def high_ranks(function: Function) -> Iterator[str]:
    """Inputs and results with more axes than Core ML takes."""
    return (var.name for var in _values(function) if len(_shape(var)) > HIGHEST_RANK)


def _values(function: Function) -> Iterator[Variable]:
    yield from function.mil.inputs.values()
    for op in function.operations:
        yield from op.outputs


def _flexible(function: Function, of_array: str, of_image: str) -> list[str]:
    """Inputs with this kind of flexibility, which arrays and images call by different names."""
    return [
        feature.name
        for feature in function.description.input
        if feature.type.multiArrayType.WhichOneof("ShapeFlexibility") == of_array
        or feature.type.imageType.WhichOneof("SizeFlexibility") == of_image
    ]


def _shape(var: Variable) -> tuple[Any, ...]:
    """Nothing of a list, which has a length and no shape."""
    from coremltools.converters.mil.mil import types

    return () if types.is_list(var.sym_type) else tuple(var.shape or ())


def _known(size: object) -> bool:
    from coremltools.converters.mil.mil.types.symbolic import is_symbolic

    return not is_symbolic(size)
