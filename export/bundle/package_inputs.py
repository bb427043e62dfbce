"""Real inputs of any package: text through a bundle's tokenizer, or arrays from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from distill.console.text_lines import read_lines
from export.bundle.bundle_folder import open_bundle
from export.bundle.own_files import SETTINGS
from export.tasks.model_inputs import Inputs

ARRAYS = ".npz"
TASK_FILES = (".csv", ".tsv", ".json")
"""Files that a task reads, as ``export.verify`` does; others are text, or rows with a text."""


def read_inputs(package: Path, data: Path | None, limit: int) -> list[Inputs]:
    """Inputs for a package, at most ``limit``.

    Args:
        package: a bundle, or any ``.mlpackage``.
        data: for a bundle text, one input a line, a tab within a pair, or a file of its task
            (`TASK_FILES`); for any package an ``.npz`` file of arrays by input name. None: the
            built-in texts, for a bundle.

    Raises:
        UserError: ``limit`` is below 1; no bundle and no arrays, a file that holds nothing, or one
            that is not in the task's format.
    """
    if limit < 1:
        raise UserError(f"--limit must be at least 1, not {limit}")
    if data is not None and data.suffix == ARRAYS:
        try:
            with np.load(data, allow_pickle=False) as arrays:
                return [{name: arrays[name] for name in arrays.files}]
        except (OSError, ValueError) as error:
            raise UserError(f"{data}: not a file of arrays ({error})") from None
    if not (package / SETTINGS).is_file() and not (package.parent / SETTINGS).is_file():
        raise UserError(
            f"{package}: no {SETTINGS} beside it, so text cannot be read; --data FILE{ARRAYS} with "
            "arrays by input name"
        )
    bundle = open_bundle(package)
    if data is None:
        inputs = bundle.record.sample_workload(bundle.reading).inputs
    elif Path(data.name.removesuffix(".gz")).suffix in TASK_FILES:
        inputs = bundle.record.workload(bundle.record.read(data)[:limit], bundle.reading).inputs
    else:
        lines = [line for line in read_lines(data) if line.strip()][:limit]
        pairs = [line.partition("\t") for line in lines]
        inputs = bundle.reading.inputs([(first, second or None) for first, _, second in pairs])
    if not inputs:
        raise UserError(f"{data}: it has no text")
    names = bundle.settings["inputs"]
    return [{name: one[name] for name in names} for one in inputs[:limit]]
