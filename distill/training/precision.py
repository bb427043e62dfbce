"""In which precision a training computes: float32, or bf16 by torch.autocast, where weights, their
gradients and the optimizer stay float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distill.console.errors import UserError

if TYPE_CHECKING:
    from transformers import TrainingArguments

PRECISIONS = ("auto", "float32", "bf16")
CPU_ARITHMETIC = ("amx_bf16", "avx512_bf16")  # what multiplies matrices of bf16


def choose_precision(training: TrainingArguments, named: str | None) -> None:
    """Set ``bf16`` and, where that needs it, ``use_cpu`` of `TrainingArguments` by the precision
    that is ``named``. Under ``auto`` a GPU computes in bf16 if it can, and a CPU in float32; with
    None both compute in float32, unless ``bf16`` or ``fp16`` is set.

    Raises:
        UserError: an unknown precision, or one that contradicts ``bf16`` or ``fp16``.
    """
    if named not in (None, *PRECISIONS):
        raise UserError(f"--precision must be {', '.join(PRECISIONS)}, not {named!r}")
    contradicted = training.fp16 or (training.bf16 and named != "bf16")
    if contradicted and named not in (None, "auto"):
        half = "--fp16" if training.fp16 else "--bf16"
        raise UserError(f"--precision {named} contradicts {half}: give one of them")
    on_gpu = not training.use_cpu and torch.cuda.is_available()
    if named == "bf16" or (named == "auto" and not training.fp16 and on_gpu and _gpu_has_bf16()):
        training.bf16 = True
    if training.bf16 and not torch.cuda.is_available():
        training.use_cpu = True


def precision_in_words(training: TrainingArguments) -> str:
    """What computes, and in which precision; of bf16 on a CPU also by which of its instructions."""
    if training.fp16:
        return f"computing in float16 on {training.device.type}"
    if not training.bf16:
        return f"computing in float32 on {training.device.type}"
    if training.device.type != "cpu":
        return f"computing in bf16 on {training.device.type}"
    can: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    own = [name for name in CPU_ARITHMETIC if can.get(name)]
    if own:
        return f"computing in bf16 on cpu, by {own[0]}"
    return (
        f"computing in bf16 on cpu, without {' or '.join(CPU_ARITHMETIC)}: slower than "
        "--precision float32"
    )


def _gpu_has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported())
