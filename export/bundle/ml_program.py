"""A changed program as a model of `coremltools` again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import coremltools as ct
from coremltools.converters.mil.converter import mil_convert

if TYPE_CHECKING:
    from coremltools.converters.mil.mil import Program
    from coremltools.models import MLModel


def model_of(program: Program, like: MLModel, **options: object) -> MLModel:
    """The MLModel of a MIL program as it is, without passes, for the systems that ``like`` runs on.

    Args:
        program: of ``like``, changed.
        like: a ``coremltools`` MLModel.
        options: of `mil_convert`, besides these.
    """
    program.skip_all_passes = True
    return mil_convert(
        program,
        convert_from="milinternal",
        convert_to="mlprogram",
        specification_version=like.get_spec().specificationVersion,
        compute_units=ct.ComputeUnit.CPU_ONLY,
        skip_model_load=True,
        **options,
    )
