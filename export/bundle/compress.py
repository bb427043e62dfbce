"""Weights and activations in fewer bits: one table of what there is and what a target allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from distill.console.errors import UserError
from distill.models.stored_weights import INT4_BLOCK, SMALL, greatest_divisor
from export.bundle.palettes import FittedPalettes, palette_groups
from export.bundle.quiet import quiet

if TYPE_CHECKING:
    from coremltools.models import MLModel
    from coremltools.optimize.coreml import OpLinearQuantizerConfig, OpPalettizerConfig

    from export.simulator.mil import Operation

TARGETS = ("iOS16", "iOS17", "iOS18")


@dataclass(frozen=True)
class Compression:
    """``bits`` of a stored weight, ``kind`` linear, palette, or mixed (each weight has its own
    format; ``bits`` are the fewest), the first ``target`` that holds it,
    the least agreement with PyTorch on real text, ``psnr`` in dB, that is not refused, and the
    bits of ``activations`` that go into a matrix product."""

    bits: int
    kind: str
    target: str
    psnr: float
    activations: int = 16


COMPRESSIONS: dict[str, Compression] = {
    "none": Compression(16, "float", "iOS16", 60.0),
    "int8": Compression(8, "linear", "iOS16", 35.0),
    "w8a8": Compression(8, "linear", "iOS17", 20.0, activations=8),
    "int4": Compression(4, "linear", "iOS18", 15.0),
    "lut8": Compression(8, "palette", "iOS16", 35.0),
    "lut6": Compression(6, "palette", "iOS16", 25.0),
    "lut4": Compression(4, "palette", "iOS16", 15.0),
    "lut3": Compression(3, "palette", "iOS18", 10.0),
    "auto": Compression(3, "mixed", "iOS16", 15.0),
}
FURTHEST = {8: 0.1, 6: 0.15, 4: 0.35, 3: 0.65}
"""Bits of a matrix -> how far it may be from its original: the root of the mean square of the
difference as a share of that of the matrix; another layer's matrix is about 1.4 away."""


def check_target(quantize: str, target: str) -> None:
    """Raises:
    UserError: an unknown quantization or target, or a target that cannot hold it.
    """
    if quantize not in COMPRESSIONS:
        raise UserError(f"unknown quantization {quantize!r} (expected {', '.join(COMPRESSIONS)})")
    if target not in TARGETS:
        raise UserError(f"unknown target {target!r} (expected {', '.join(TARGETS)})")
    needed = COMPRESSIONS[quantize].target
    if TARGETS.index(target) < TARGETS.index(needed):
        raise UserError(f"{quantize} needs --target {needed} or later, not {target}")


def compress_weights(
    model: MLModel, quantize: str, target: str, skip: Sequence[str] = ()
) -> MLModel:
    """A copy of a float Core ML model with its weights, embeddings included, in fewer bits.

    Args:
        model: a ``coremltools`` MLModel.
        skip: parts of weight names; weights whose name contains one stay as they are.

    Raises:
        UserError: the target cannot hold the quantization, or ``skip`` names no weight.
    """
    check_target(quantize, target)
    if COMPRESSIONS[quantize].kind == "float":
        return model
    return compress_each(model, formats_of(model, quantize, skip), target)


def formats_of(model: MLModel, quantize: str, skip: Sequence[str]) -> dict[str, str]:
    """Name of each matrix of a float Core ML model -> ``quantize``, without those of ``skip``.

    Raises:
        UserError: ``skip`` names no weight.
    """
    kept = matching(model, skip)
    matrices = [op.name for op in constants_of(model) if len(op.outputs[0].shape) > 1]
    return {name: quantize for name in matrices if name not in kept}


def compress_each(
    model: MLModel,
    formats: Mapping[str, str],
    target: str,
    fitted: Mapping[str, np.ndarray] | None = None,
) -> MLModel:
    """A copy of a float Core ML model with some of its weights in fewer bits, each in its format.

    Args:
        formats: name of a constant -> a quantization of `COMPRESSIONS`; the rest stay as they are.
        fitted: name of a constant -> the values of its palettes, of its shape, where they are known
            before.

    Raises:
        UserError: the target cannot hold one of the formats.
    """
    for quantize in {*formats.values()}:
        check_target(quantize, target)
    with quiet():
        import coremltools.optimize.coreml as cto

        for kind, compress in (
            ("linear", cto.linear_quantize_weights),
            ("palette", cto.palettize_weights),
        ):
            tables = _embeddings(model)
            chosen = {
                op.name: _settings(op, formats[op.name], target, op.name in tables, fitted or {})
                for op in constants_of(model)
                if op.name in formats and COMPRESSIONS[formats[op.name]].kind == kind
            }
            if chosen:
                model = compress(model, cto.OptimizationConfig(op_name_configs=chosen))
    return model


def _settings(
    op: Operation, quantize: str, target: str, table: bool, fitted: Mapping[str, np.ndarray]
) -> OpLinearQuantizerConfig | OpPalettizerConfig:
    """How a constant is stored. Blocks and groups divide its sizes: `coremltools` leaves a weight
    that they do not divide in half precision, and only logs it."""
    import coremltools.optimize.coreml as cto

    compression, shape = COMPRESSIONS[quantize], op.outputs[0].shape
    if quantize == "int4":
        return cto.OpLinearQuantizerConfig(
            mode="linear_symmetric",
            dtype="int4",
            granularity="per_block",
            block_size=greatest_divisor(shape[1], INT4_BLOCK),
            weight_threshold=SMALL,
        )
    if compression.kind == "linear":
        return cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=SMALL)
    groups = palette_groups(compression.bits, target, shape, table)
    settings: dict[str, Any] = {"mode": "kmeans", "nbits": compression.bits}
    if op.name in fitted:
        palettes = FittedPalettes(op.outputs[0].val, fitted[op.name], groups, compression.bits)
        settings = {"mode": "custom", "lut_function": palettes}
    if groups.size < shape[groups.axis]:
        settings |= {
            "granularity": "per_grouped_channel",
            "group_size": groups.size,
            "channel_axis": groups.axis,
        }
    return cto.OpPalettizerConfig(weight_threshold=SMALL, **settings)


def constants_of(model: MLModel) -> list[Operation]:
    """The constants of a float Core ML model of one function."""
    return [op for op in model._mil_program.functions["main"].operations if op.op_type == "const"]


def _embeddings(model: MLModel) -> list[str]:
    """Tables that are read by row."""
    return [
        op.name
        for op in constants_of(model)
        if any(user.op_type == "gather" for user in op.outputs[0].child_ops)
    ]


def matching(model: MLModel, skip: Sequence[str]) -> list[str]:
    """The constants with one of ``skip`` in their names.

    Raises:
        UserError: one of ``skip`` is in no name.
    """
    names = [op.name for op in constants_of(model)]
    for part in skip:
        if not any(part in name for name in names):
            raise UserError(f"--skip-layers {part}: no weight has this in its name")
    return [name for name in names if any(part in name for part in skip)]
