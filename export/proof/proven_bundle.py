"""Checkpoint -> bundle: convert, compress, write beside, run what was written, then rename."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from distill.console.atomic import atomic_directory
from distill.console.errors import UserError
from distill.console.temporary_files import temporary_files_beside
from distill.tasks.spaced_items import spaced
from export.bundle.bundle_folder import (
    Bundle,
    directory_size,
    write_bundle,
    write_settings,
)
from export.bundle.calibrate import calibration_inputs, quantize_activations
from export.bundle.checks import make_checks
from export.bundle.classifier import as_classifier, check_classifier
from export.bundle.compensated import compress_fitted
from export.bundle.compress import COMPRESSIONS, check_target, compress_weights
from export.bundle.convert import convert
from export.bundle.functions import choose_shapes, split_into_functions
from export.bundle.lengths import check_positions
from export.bundle.model_json import settings_of
from export.bundle.own_files import check_replaceable
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import tokenizer_of
from export.encoder.task_model import TaskModel, build_encoder, input_names, weight_names
from export.proof.budget import Choosing, check_size
from export.proof.chosen_bits import Chosen, choose_bits, fitting_inputs
from export.proof.engines import open_engine
from export.proof.gate import Proof, refuse
from export.proof.no_answer import check_no_answer, no_answer_of
from export.proof.report import PackageReport
from export.proof.side_by_side import compare_with
from export.proof.witness import Witness, load_witness
from export.tasks.model_inputs import LENGTHS, Inputs
from export.tasks.table import task_named
from export.tasks.task import Reading

if TYPE_CHECKING:
    from coremltools.models import MLModel
    from tokenizers import Tokenizer

STEPS = ("convert", "compress", "write", "run")


@dataclass(frozen=True)
class BundleOptions:
    """What the package is to be; ``calibrate`` is the file of `export.bundle.calibrate`
    for activations; ``shapes`` of `export.bundle.functions.SHAPES`, None for what suits the target;
    ``no_answer`` the threshold of no answer, or the data on which it is chosen; ``choosing`` on
    what palettes are fitted and the bits of each weight are chosen; ``classifier``: Core ML's label
    and probabilities too.

    Raises:
        UserError: activations in 8 bits and no such file, or an option that does nothing.
    """

    task: str
    quantize: str = "none"
    layout: str = "standard"
    lengths: tuple[int, ...] = LENGTHS
    target: str = "iOS18"
    skip: tuple[str, ...] = ()
    calibrate: Path | None = None
    shapes: str | None = None
    no_answer: float | Path | None = None
    choosing: Choosing | None = None
    classifier: bool = False

    def __post_init__(self) -> None:
        check_target(self.quantize, self.target)
        object.__setattr__(self, "shapes", choose_shapes(self.lengths, self.target, self.shapes))
        needed = COMPRESSIONS[self.quantize].activations < 16
        if needed and self.calibrate is None:
            raise UserError(
                f"{self.quantize} needs --calibrate FILE, text such as the model will get"
            )
        if self.calibrate is not None and not needed:
            raise UserError(f"--calibrate is for w8a8; {self.quantize} has no use for it")
        if self.calibrate is not None and not self.calibrate.is_file():
            raise UserError(f"{self.calibrate}: no such file")
        if self.skip and COMPRESSIONS[self.quantize].kind == "float":
            raise UserError("--skip-layers is for weights in fewer bits; choose a --quantize")
        check_no_answer(self.task, self.no_answer)

    def check(self, out: Path, replace: bool) -> None:
        """Check the options and the place before the work begins.

        Raises:
            UserError: a place that is taken, by what is not a bundle even with ``replace``, or that
                cannot be written.
        """
        if os.path.lexists(out) and not replace:
            raise UserError(f"{out} exists already; --force replaces it")
        if os.path.lexists(out):
            check_replaceable(out)
        parent = next(folder for folder in out.absolute().parents if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise UserError(f"{out}: {parent} cannot be written")


def export_bundle(
    checkpoint: Checkpoint,
    options: BundleOptions,
    out: Path,
    *,
    replace: bool = False,
    verify: bool = True,
) -> PackageReport:
    """Write a bundle to ``out`` and report what it is: sizes in bytes, times in seconds, and its
    difference from its witness on sample texts, run in the simulator at half precision.

    Raises:
        UserError: the options do not fit the checkpoint, or with ``verify`` the written package
            is not within tolerance of its witness (nothing is written then).
    """
    settings = _settings(checkpoint, options)
    began = time.monotonic()
    tokenizer = tokenizer_of(checkpoint)
    samples = _calibration(tokenizer, options)
    witness, weighed = load_witness(checkpoint, options.task)
    no_answer = no_answer_of(options.no_answer, witness, tokenizer, settings)
    settings["no_answer_threshold"] = no_answer.threshold if no_answer else None
    steps = len(STEPS) + bool(samples)
    with (
        atomic_directory(out, check_replaceable if replace else None) as staged,
        temporary_files_beside(staged),
        tqdm(total=steps, desc="export", unit="step", leave=False) as progress,
    ):
        next_step(progress, "convert")
        model = build_encoder(weighed, options.task, options.layout)
        model.encoder.leave_out_idle_heads()
        shapes = str(options.shapes)
        core_ml = convert(model, weighed, options.task, options.lengths, options.target, shapes)
        if samples:
            next_step(progress, "calibrate")
            core_ml = quantize_activations(core_ml, samples, options.skip)
            settings["calibration_inputs"] = len(samples)
        next_step(progress, "compress")
        core_ml, chosen, fitted_to = _compressed(core_ml, model, weighed, options, settings)
        if shapes == "functions":
            core_ml = split_into_functions(core_ml, options.lengths)
        if options.classifier:
            core_ml = as_classifier(core_ml, settings["labels"])
        operations = _operations(core_ml)
        next_step(progress, "write")
        bundle = write_bundle(core_ml, checkpoint, settings, staged)
        size = directory_size(bundle.package)
        if options.choosing and options.choosing.budget:
            check_size(options.choosing.budget, size)
        next_step(progress, "run")
        proof = prove_on_samples(bundle, witness)
        if verify:
            refuse(proof)
        write_settings(staged, bundle.settings)
    return PackageReport(
        bundle=out,
        options=options,
        calibration_inputs=len(samples),
        choosing=chosen,
        fitting_inputs=fitted_to,
        no_answer=no_answer,
        model=checkpoint.name,
        random_weights=checkpoint.random_weights,
        parameters=parameters(model),
        package_bytes=size,
        operations=operations,
        seconds=time.monotonic() - began,
        difference=proof,
        app_mb=checkpoint.config.app_mb,
    )


def _compressed(
    core_ml: MLModel,
    model: TaskModel,
    checkpoint: Checkpoint,
    options: BundleOptions,
    settings: dict[str, object],
) -> tuple[MLModel, Chosen | None, int]:
    """The program with its weights in fewer bits; where the bits of each are chosen, how, and
    ``weights`` of ``settings`` says which format each tensor of the checkpoint has; and how many
    inputs its palettes were fitted to."""
    quantize, target, skip = options.quantize, options.target, options.skip
    if options.choosing is None:
        return compress_weights(core_ml, quantize, target, skip), None, 0
    task, choosing = task_named(options.task), options.choosing
    examples = task.read(choosing.data)
    limit = choosing.limit
    examples = examples[:limit] if task.grouped else spaced(examples, limit)
    workload = task.workload(examples, Reading(tokenizer_of(checkpoint), settings))
    names = input_names(checkpoint.config, options.task)
    fitting = fitting_inputs(workload, names)
    if choosing.budget is None:
        compressed = compress_fitted(core_ml, model, quantize, target, fitting, skip)
        return compressed, None, len(fitting)
    functions = len(options.lengths) if options.shapes == "functions" else 1
    chosen = choose_bits(
        core_ml, model, task, workload, names, choosing.budget, target, skip, functions
    )
    theirs = weight_names(checkpoint.config, options.task)
    settings["weights"] = {
        f"{theirs[weight.removesuffix('.weight')]}.weight": quantize
        for weight, quantize in chosen.formats.items()
    }
    return chosen.core_ml, chosen, len(fitting)


def _settings(checkpoint: Checkpoint, options: BundleOptions) -> dict[str, Any]:
    check_positions(checkpoint, options.lengths)
    settings = settings_of(
        checkpoint,
        options.task,
        options.lengths,
        quantize=options.quantize,
        layout=options.layout,
        target=options.target,
        shapes=str(options.shapes),
        classifier=options.classifier,
    )
    if options.classifier:
        check_classifier(settings)
    return settings


def _calibration(tokenizer: Tokenizer, options: BundleOptions) -> list[Inputs]:
    """What the model is to run on before its activations are quantized; else nothing."""
    if options.calibrate is None:
        return []
    return calibration_inputs(options.calibrate, tokenizer, options.task, options.lengths)


def next_step(progress: tqdm[object], name: str) -> None:
    """Show the step that begins on an export's bar."""
    progress.set_description(name)
    progress.update()


def prove_on_samples(bundle: Bundle, witness: Witness) -> Proof:
    """The written package in the simulator, at half precision, against its witness; what it gave
    for a few inputs become the ``checks`` of the bundle's settings.

    Raises:
        UserError: the bundle's tokenizer reads a text otherwise than the witness does.
    """
    workload = bundle.record.sample_workload(bundle.reading)
    proof, _, outputs = compare_with(witness, bundle, workload, open_engine(bundle, "simulator"))
    bundle.settings["checks"] = make_checks(
        workload.inputs, outputs, bundle.settings["inputs"], min(bundle.lengths)
    )
    return proof


def _operations(core_ml: MLModel) -> dict[str, int]:
    program = core_ml._mil_program
    block = program.functions[program.default_function_name]
    counts = Counter(op.op_type for op in block.operations if not op.op_type.startswith("const"))
    return dict(counts.most_common())


def parameters(model: TaskModel) -> int:
    """Number of weights; a tensor that two layers share, as the embedding and the output layer of a
    masked language model do, counts once."""
    return sum({p.data_ptr(): p.numel() for p in model.parameters()}.values())
