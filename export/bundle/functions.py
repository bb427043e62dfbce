"""How a package holds several lengths: static functions that share weights, or a flexible input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.console.errors import UserError
from export.bundle.compress import TARGETS
from export.bundle.quiet import quiet
from export.bundle.small_program import make_small

if TYPE_CHECKING:
    from coremltools.models import MLModel

MATERIALIZE = "common::materialize_symbolic_shape_program"
FOLD = "common::const_elimination"
CLEAN_UP = (
    "common::noop_elimination",
    "common::dead_code_elimination",
    "common::const_deduplication",
)
LARGEST_FOLDED = 1000
"""Elements. A slice of the position table stays a slice: folded, each length had its own copy."""


@dataclass(frozen=True)
class Shapes:
    """A way to hold lengths: the first ``target`` that knows it, and whether for ``several``."""

    description: str
    target: str
    several: bool = True


SHAPES: dict[str, Shapes] = {
    "functions": Shapes("a function for each length, nothing flexible in it", "iOS18"),
    "enumerated": Shapes("one input of several shapes", "iOS18"),
    "range": Shapes("one input of any length between the least and the greatest", "iOS16"),
    "fixed": Shapes("one length", "iOS16", several=False),
}


def choose_shapes(lengths: Sequence[int], target: str, shapes: str | None = None) -> str:
    """How a package for ``target`` holds ``lengths``: ``shapes`` where that is asked for.

    Raises:
        UserError: unknown shapes, or such as the target or the number of lengths cannot have.
    """
    if shapes is None:
        names = [name for name, kind in SHAPES.items() if kind.several == (len(lengths) > 1)]
        return next(name for name in names if _knows(target, name))
    if shapes not in SHAPES:
        raise UserError(f"unknown shapes {shapes!r} (expected {', '.join(SHAPES)})")
    if SHAPES[shapes].several != (len(lengths) > 1):
        expected = "several lengths" if SHAPES[shapes].several else "one length"
        raise UserError(f"--shapes {shapes} is for {expected}; --lengths names {len(lengths)}")
    if not _knows(target, shapes):
        raise UserError(f"--shapes {shapes} needs --target {SHAPES[shapes].target}, not {target}")
    return shapes


def _knows(target: str, shapes: str) -> bool:
    return TARGETS.index(target) >= TARGETS.index(SHAPES[shapes].target)


def default_lengths(target: str, lengths: Sequence[int]) -> tuple[int, ...]:
    """All ``lengths`` where a package can hold each as a function of its own, else the greatest:
    a flexible input is for those who ask for it."""
    return tuple(lengths) if _knows(target, "functions") else (max(lengths),)


def function_names(lengths: Sequence[int], shapes: str) -> dict[str, str]:
    """``{"128": "length_128", ...}`` as in model.json; nothing where there is one function."""
    return {str(length): f"length_{length}" for length in lengths if shapes == "functions"}


def split_into_functions(model: MLModel, lengths: Sequence[int]) -> MLModel:
    """A model whose functions are ``model`` at each length; the greatest is the default.

    The program is converted and compressed once, with a flexible length. Here its operations, not
    its weights, are copied for each length, and what depended on the length becomes a constant.

    Args:
        model: a ``coremltools`` MLModel of one function, with inputs of (1, a range).
    """
    program = model._mil_program
    names = function_names(lengths, "functions")
    shapes = {
        name: {key: (1, int(length)) for key in program.functions["main"].inputs}
        for length, name in names.items()
    }
    with quiet():
        import coremltools as ct
        from coremltools.converters.mil.mil.passes.pass_pipeline import PassPipelineManager

        from export.bundle.ml_program import model_of

        pipeline = ct.PassPipeline([MATERIALIZE, FOLD, *CLEAN_UP])
        pipeline.set_options(
            MATERIALIZE,
            {"function_name_to_materialization_map": shapes, "source_function_name": "main"},
        )
        pipeline.set_options(FOLD, {"skip_const_by_size": str(LARGEST_FOLDED)})
        PassPipelineManager.apply_pipeline(program, pipeline)
        del program.functions["main"]
        for function in program.functions.values():
            make_small(function)
        program.default_function_name = names[str(max(lengths))]
        program.export_as_multifunction = True
        return model_of(program, model)
