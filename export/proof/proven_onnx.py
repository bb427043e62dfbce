"""Checkpoint -> ONNX file: traced, made for a CPU or for phones, run beside its witness."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.console.renames import name_file
from distill.console.temporary_files import temporary_files_beside
from export.bundle.model_json import settings_of
from export.bundle.onnx_graph import (
    PLAIN_OPSET,
    TRACED_OPSET,
    data_files,
    fused,
    plain,
    quantized,
    save,
    trace,
)
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import tokenizer_of
from export.encoder.fused_operators import in_fused_operators
from export.encoder.plain_operators import in_plain_operators
from export.encoder.task_model import TaskModel, build_encoder, input_names
from export.proof.no_answer import NoAnswer, check_no_answer, no_answer_of
from export.proof.onnx_engine import WHOLE, compare_onnx, taken_by_providers
from export.proof.onnx_report import OnnxReport
from export.proof.witness import load_witness
from export.tasks.model_inputs import LENGTHS
from export.tasks.table import task_named

METADATA = "distilkit.model.json"


@dataclass(frozen=True)
class Form:
    """What a file is made for: the ``opset`` that it is traced in, what becomes of the model and of
    its traced graph, and which ``weights`` it may have."""

    description: str
    opset: int
    model: Callable[[TaskModel], Any]
    graph: Callable[[Path], onnx.ModelProto]
    weights: tuple[str, ...] = ("none",)


FORMS = {
    "cpu": Form(
        "fused for ONNX Runtime on a CPU",
        TRACED_OPSET,
        in_fused_operators,
        fused,
        ("none", "int8"),
    ),
    "mobile": Form(
        "plain operators, which the Core ML and NNAPI providers take",
        PLAIN_OPSET,
        in_plain_operators,
        plain,
    ),
}
"""By the word of ``--for``."""


def has_vnni() -> bool:
    """Whether this CPU multiplies 8-bit integers without an intermediate of 16 bits."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "vnni" in flags or "asimddp" in flags


def export_onnx(
    checkpoint: Checkpoint,
    task: str,
    out: Path,
    *,
    quantize: str = "none",
    form: str = "cpu",
    vnni: bool | None = None,
    no_answer: float | Path | None = None,
    replace: bool = False,
    verify: bool = True,
) -> OnnxReport:
    """Write an ONNX file of dynamic batch and length and report what it is. Weights above 2 GiB are
    in a file beside it.

    Args:
        quantize: ``int8`` quantizes products with weights dynamically, per channel, and the
            embedding table.
        form: of `FORMS`.
        replace: take the place of an older file that an export wrote.
        vnni: whether the file will run on a CPU with VNNI; default: as this one. Without it the
            weights keep 7 bits, since pairs of 8-bit products overflow 16 bits.
        no_answer: the threshold of no answer, or data on which it is chosen; in the file's
            metadata, as model.json has it.
        verify: run the file beside the library that made the checkpoint; without it the report's
            differences are None.

    Raises:
        UserError: ``out`` is taken, weights that the form does not have, a file that differs from
            its witness by more than it should, or with ``verify`` a checkpoint without a usable
            tokenizer.
    """
    began = time.monotonic()
    check_replaceable_file(out, replace)
    if quantize not in FORMS[form].weights:
        raise UserError(
            f"--quantize {quantize} is not for --for {form}, whose providers take no dynamic "
            f"quantization (expected {', '.join(FORMS[form].weights)})"
        )
    check_no_answer(task, no_answer)
    random_weights, witness, tokenizer = checkpoint.random_weights, None, None
    settings = _settings(checkpoint, task, quantize, form)
    longest, chosen = checkpoint.config.positions, None
    if verify or isinstance(no_answer, Path):
        tokenizer = tokenizer_of(checkpoint)
        witness, checkpoint = load_witness(checkpoint, task)
        chosen = no_answer_of(no_answer, witness, tokenizer, settings)
    elif no_answer is not None:
        chosen = NoAnswer(float(no_answer))
    settings["no_answer_threshold"] = chosen.threshold if chosen else None
    vnni = has_vnni() if vnni is None else vnni
    bits = WHOLE if quantize == "none" else 8 if vnni else 7
    with atomic_file(out, replace) as staged, temporary_files_beside(staged) as folder:
        graph = _graph(checkpoint, task, folder, form)
        if quantize == "int8":
            graph = quantized(graph, folder, vnni)
        onnx.helper.set_model_props(graph, {METADATA: json.dumps(settings, ensure_ascii=False)})
        data = staged.with_name(_free_name(out))
        save(graph, staged, data.name)
        difference, least = None, None
        if verify and witness and tokenizer:
            difference, least = compare_onnx(staged, witness, tokenizer, longest, bits)
            if not difference.psnr >= least:
                here = " (8 bits overflow on this CPU, which has no VNNI)"
                raise UserError(
                    f"the ONNX file differs from {witness.name}: PSNR {difference.psnr:.1f} dB, "
                    f"below {least:.1f}{here if bits == 8 and not has_vnni() else ''}; --no-verify "
                    "keeps it"
                )
        size = sum(file.stat().st_size for file in (staged, *data_files(staged)))
        check_replaceable_file(out, replace)
        older = weights_of(out)
        if data.exists():
            data.chmod(staged.stat().st_mode)
            name_file(data, out.with_name(data.name))
    for file in older:
        file.unlink(missing_ok=True)
    counts = Counter(node.op_type for node in graph.graph.node)
    return OnnxReport(
        file=out,
        model=checkpoint.name,
        random_weights=random_weights,
        witness=witness.name if witness and verify else None,
        task=task,
        form=form,
        quantize=quantize,
        weight_bits=bits,
        bytes=size,
        fused_attention=counts["Attention"],
        layers=checkpoint.config.layers,
        providers=taken_by_providers(graph),
        no_answer=chosen,
        difference=difference,
        least_psnr=least,
        seconds=time.monotonic() - began,
    )


def _settings(checkpoint: Checkpoint, task: str, quantize: str, form: str) -> dict[str, Any]:
    """What an app must know of the file, in the words of model.json."""
    if checkpoint.tokenizer_directory is None:
        return {"task": task, "quantization": quantize, "target": form, "no_answer_threshold": None}
    longest = (min(max(LENGTHS), checkpoint.config.positions),)
    settings = settings_of(
        checkpoint, task, longest, quantize=quantize, layout="standard", target=form, shapes="range"
    )
    settings.pop("package")
    return settings


def _graph(checkpoint: Checkpoint, task: str, folder: Path, form: str) -> onnx.ModelProto:
    record, traced = task_named(task), folder / "traced.onnx"
    model = FORMS[form].model(build_encoder(checkpoint, task))
    names, longest = input_names(checkpoint.config, task), checkpoint.config.positions
    opset = FORMS[form].opset
    trace(model, names, record.outputs, record.per_token, traced, longest, opset)
    return FORMS[form].graph(traced)


def check_replaceable_file(out: Path, replace: bool) -> None:
    """
    Raises:
        UserError: something is at ``out``, and ``replace`` is false, or no export wrote it.
    """
    if not os.path.lexists(out):
        return
    if not replace:
        raise UserError(f"{out} exists already; --force replaces it")
    if out.is_symlink() or not out.is_file() or not _is_ours(out):
        raise UserError(
            f"{out} is not a file that export.onnx wrote and is left alone; name another --out"
        )


def _is_ours(file: Path) -> bool:
    try:
        properties = onnx.load(file, load_external_data=False).metadata_props
    except DecodeError:
        return False
    return any(each.key == METADATA for each in properties)


def weights_of(out: Path) -> set[Path]:
    """The files beside an older file of ours at ``out`` that `_free_name` named for its weights."""
    if not out.is_file():
        return set()
    own = re.compile(re.escape(out.name) + r"\d*\.data")
    return {path for path in data_files(out) if own.fullmatch(path.name)}


def _free_name(out: Path) -> str:
    """A name beside ``out`` for its weights: an older file keeps its own until it is replaced."""
    names = (f"{out.name}{number or ''}.data" for number in count())
    return next(name for name in names if not out.with_name(name).exists())
