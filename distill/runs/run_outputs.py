"""What a finished run leaves: student, model card, ``metrics.json``; and disks that are full."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_file, atomic_files
from distill.console.bounded_files import read_object
from distill.console.full_disk import full_disk_in_words
from distill.models.tokenizer import RIGHT
from distill.runs.loss_plot import LOSSES_FILE, write_losses
from distill.runs.model_card import model_card
from distill.runs.run_folder import METRICS_FILE, TOKENIZER_FILES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from distill.runs.pretraining_result import PretrainingResult

PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy")
RESUMES = (
    "make room there and start the same command again, it goes on from the last complete checkpoint"
)


def disk_problems(folder: Path) -> AbstractContextManager[None]:
    """Turn what a training raises for a full disk into one line.

    Raises:
        UserError: the disk is full.
    """
    return full_disk_in_words(folder, RESUMES)


def write_run(
    output: Path,
    model: PreTrainedModel,
    source: Path,
    result: PretrainingResult,
    log: list[dict[str, float]],
) -> None:
    """Write model, tokenizer (that of ``source``), card, the picture of the losses and metrics into
    ``output``.

    The weights are written beside their place first, and ``metrics.json`` comes last: where it is,
    the run is complete.
    """
    write_model(output, model, source, model_card(result))
    write_losses(log, output / LOSSES_FILE)
    whole = {**result.as_json(), "machine": machine(), "log": log}
    with atomic_file(output / METRICS_FILE) as staged:
        staged.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def write_model(output: Path, model: PreTrainedModel, source: Path, card: str) -> None:
    """Write a Hugging Face directory; other files in ``output`` stay."""
    output.mkdir(parents=True, exist_ok=True)
    with atomic_files(output) as staged:
        model.save_pretrained(staged)
        copy_tokenizer(source, staged)
        (staged / "README.md").write_text(card, encoding="utf-8")


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the tokenizer of one checkpoint directory into another; there it pads on the right, as
    in the training."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            (target / name).write_bytes((source / name).read_bytes())
    path = target / "tokenizer_config.json"
    stored = read_object(path) if path.is_file() else {}
    if stored.get("padding_side", RIGHT) != RIGHT:
        path.write_text(json.dumps({**stored, "padding_side": RIGHT}, indent=2), encoding="utf-8")


def machine() -> dict[str, object]:
    """What a run was made on and with."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"device": device, "threads": torch.get_num_threads(), "versions": versions}
