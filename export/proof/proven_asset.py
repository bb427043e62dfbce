"""Checkpoint -> Core AI asset in a bundle: convert, compress, write beside, run in Apple's runtime,
then rename. A bundle that holds a Core ML package already gets the asset beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from distill.console.atomic import atomic_directory, atomic_file, is_free
from distill.console.errors import UserError
from distill.console.full_disk import require_room
from distill.console.temporary_files import temporary_files_beside
from export.bundle.bundle_folder import (
    Bundle,
    directory_size,
    licence,
    open_bundle,
    write_settings,
    write_tokenizer,
)
from export.bundle.coreai_asset import (
    MINIMUM_SYSTEM,
    SUFFIX,
    compress_asset,
    convert_to_coreai,
    function_name,
    operations_of,
    require_coreai,
    save_asset,
)
from export.bundle.lengths import check_positions
from export.bundle.model_json import settings_of
from export.bundle.own_files import SETTINGS, check_package
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import tokenizer_of
from export.encoder.task_model import build_encoder
from export.proof.coreai_runtime import CoreAIEngine
from export.proof.engines import HALF_PRECISION_INPUTS
from export.proof.gate import Proof, prove, refuse
from export.proof.no_answer import check_no_answer, no_answer_of
from export.proof.proven_bundle import next_step, parameters
from export.proof.report import AssetReport
from export.proof.side_by_side import run_both
from export.proof.witness import Witness, load_witness
from export.tasks.model_inputs import LENGTHS, Inputs

COPIES = 3
"""Of the weights on the disk: Apple's packages map one while they convert and one while they run,
beside the asset, and a disk that is full then ends the process with a bus error."""
PROGRAM_BYTES = 2**20
"""Of an asset without its weights, at most."""
SAME = (
    "task",
    "lengths",
    "quantization",
    "tokenizer_sha256",
    "hidden_size",
    "random_weights",
    "source",
    "inputs",
)
"""What two formats of one bundle share: they have one model.json and one tokenizer."""


@dataclass(frozen=True)
class AssetOptions:
    """What the asset is to be; ``precision`` is of `export.bundle.coreai_asset.PRECISIONS`,
    ``no_answer`` the threshold of no answer, or the data on which it is chosen.

    Raises:
        UserError: a threshold for a task that always answers.
    """

    task: str
    quantize: str = "none"
    layout: str = "standard"
    lengths: tuple[int, ...] = LENGTHS
    precision: str = "float32"
    no_answer: float | Path | None = None

    def __post_init__(self) -> None:
        check_no_answer(self.task, self.no_answer)


def export_asset(
    checkpoint: Checkpoint,
    options: AssetOptions,
    out: Path,
    *,
    replace: bool = False,
    verify: bool = True,
) -> AssetReport:
    """Write an asset into the bundle ``out``, a new one or one that is there, and report what it
    is: sizes in bytes, times in seconds, and its difference from PyTorch on sample texts.

    Raises:
        UserError: Apple's packages are not installed, ``out`` is of another model, or holds an
            asset and ``replace`` is false, or with ``verify`` the asset differs from PyTorch by
            more than its quantization should (nothing is written then).
    """
    require_coreai()
    began = time.monotonic()
    settings = _settings(checkpoint, options)
    name = f"{checkpoint.name}{SUFFIX}"
    bundle = check_place(out, settings, name, replace)
    if bundle is not None and options.no_answer is not None:
        raise UserError(
            f"{out} has a model.json, whose no_answer_threshold holds; leave "
            "--no-answer-threshold out, or name another --out"
        )
    with (
        _staged(out, bundle, checkpoint, settings, name) as (asset, written),
        tqdm(total=4, desc="convert", unit="step", leave=False) as progress,
    ):
        witness, weighed = load_witness(checkpoint, options.task)
        no_answer = no_answer_of(options.no_answer, witness, tokenizer_of(checkpoint), settings)
        settings["no_answer_threshold"] = no_answer.threshold if no_answer else None
        model = build_encoder(weighed, options.task, options.layout)
        weights = parameters(model)
        size = 4 * weights + PROGRAM_BYTES
        require_room(asset.parent, COPIES * size, largest=size, name=out)
        program = convert_to_coreai(
            model, settings["inputs"], settings["outputs"], options.lengths, options.precision
        )
        next_step(progress, "compress")
        program = compress_asset(program, options.quantize, model)
        next_step(progress, "write")
        save_asset(program, asset, _metadata(checkpoint, settings))
        next_step(progress, "run")
        inputs = sample_inputs(written, options.precision)
        proof = compare(written, asset, witness, inputs)
        if verify:
            refuse(proof)
        size, operations = directory_size(asset), operations_of(asset)
        written.settings["formats"]["coreai"] = {
            "file": asset.name,
            "bytes": size,
            "minimum": MINIMUM_SYSTEM,
            "quantization": options.quantize,
            "precision": options.precision,
        }
    return AssetReport(
        bundle=out,
        options=options,
        target=MINIMUM_SYSTEM,
        formats=tuple(written.settings["formats"]),
        model=checkpoint.name,
        random_weights=checkpoint.random_weights,
        parameters=weights,
        package_bytes=size,
        operations=operations,
        inputs_run=len(inputs),
        no_answer=no_answer,
        seconds=time.monotonic() - began,
        difference=proof,
        app_mb=checkpoint.config.app_mb,
    )


def check_place(out: Path, settings: dict[str, object], name: str, replace: bool) -> Bundle | None:
    """The bundle that the asset ``name`` joins; None where ``out`` is free.

    Raises:
        UserError: ``out`` is not a bundle, is one of another model, has an asset already, or one
            with something in it that no export wrote.
    """
    if is_free(out):
        return None
    if not (out / SETTINGS).is_file():
        raise UserError(f"{out} is not a bundle of ours and is left alone; name another --out")
    bundle = open_bundle(out)
    for key in SAME:
        there, new = bundle.settings.get(key), settings[key]
        if there != new:
            raise UserError(f"{out}: its {key} is {there}, not {new}; name another --out")
    if not replace and ("coreai" in bundle.settings["formats"] or os.path.lexists(out / name)):
        raise UserError(f"{out} has a Core AI asset already; --force replaces it")
    if os.path.lexists(out / name):
        check_package(out / name)
    return bundle


def sample_inputs(bundle: Bundle, precision: str) -> list[Inputs]:
    """The inputs that an asset is run on after its export."""
    inputs = bundle.record.sample_workload(bundle.reading).inputs
    if precision == "float32":
        return inputs
    return sorted(inputs, key=lambda data: data["input_ids"].shape[1])[:HALF_PRECISION_INPUTS]


def compare(bundle: Bundle, asset: Path, witness: Witness, inputs: list[Inputs]) -> Proof:
    """The written asset in Apple's runtime against its witness at float32."""
    engine = CoreAIEngine(bundle, asset)
    expected, found = run_both(inputs, bundle.task, witness, engine)
    return prove(witness, str(bundle.settings["quantization"]), inputs, expected, found, texts=0)


def _settings(checkpoint: Checkpoint, options: AssetOptions) -> dict[str, Any]:
    """The model.json of a bundle with this asset alone."""
    check_positions(checkpoint, options.lengths)
    settings = settings_of(
        checkpoint,
        options.task,
        options.lengths,
        quantize=options.quantize,
        layout=options.layout,
        target=MINIMUM_SYSTEM,
        shapes="functions" if len(options.lengths) > 1 else "fixed",
    )
    return settings | {
        "package": f"{checkpoint.name}{SUFFIX}",
        "functions": {str(length): function_name(length) for length in options.lengths},
    }


@contextmanager
def _staged(
    out: Path,
    bundle: Bundle | None,
    checkpoint: Checkpoint,
    settings: dict[str, object],
    name: str,
) -> Iterator[tuple[Path, Bundle]]:
    """Where to write the asset, and the bundle to be; all takes its place when the block succeeds,
    model.json last."""
    if bundle is None:
        with atomic_directory(out) as folder:
            write_tokenizer(checkpoint, folder)
            whole = Bundle(folder, folder / name, settings)
            with temporary_files_beside(folder):
                yield folder / name, whole
            write_settings(folder, settings)
        return
    older = os.path.lexists(out / name)  # and may go, as `check_place` has found
    with (
        atomic_directory(out / name, check_package if older else None) as staged,
        temporary_files_beside(staged),
    ):
        yield staged, bundle
    with atomic_file(out / SETTINGS) as file:
        write_settings(file.parent, bundle.settings)


def _metadata(checkpoint: Checkpoint, settings: dict[str, object]) -> dict[str, str]:
    label = " with RANDOM WEIGHTS" if checkpoint.random_weights else ""
    keys = ("source", "task", "lengths", "quantization", "layout", "tokenizer_sha256")
    return {
        "author": "distilkit",
        "license": licence(checkpoint),
        "description": f"{checkpoint.name}, {settings['task']}{label}",
        **{f"distilkit.{key}": str(settings[key]) for key in keys},
        "distilkit.random_weights": str(checkpoint.random_weights),
    }
