"""Average the weights of checkpoints (a model soup).

The checkpoints share a start; their mean is as fast as one of them.

Example:

    python -m distill.average --models runs/teacher-2 runs/teacher-3 --out runs/teacher

Rounds of fine-tuning, or seeds of one, end near each other, and their mean often scores above each
(Wortsman et al., arXiv 2203.05482). It does not help models that were trained apart from the first
step on. Configuration, tokenizer and the pooling of sentence embeddings are those
of the first model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_directory, check_free
from distill.console.bounded_files import read_object
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.sentence_modules import copy_modules, module_folders
from distill.runs.run_outputs import copy_tokenizer

if TYPE_CHECKING:
    import torch

WEIGHTS = "model.safetensors"
# What config.json says of where a checkpoint comes from, not of what it computes.
ORIGIN = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache"}


@dataclass
class AverageArguments:
    """Which checkpoints, and where their mean goes."""

    models: list[str] = field(
        metadata={"help": "two checkpoints or more: folders, hub ids or presets"}
    )
    out: str = field(
        metadata={"help": "folder to write, which must be new", "aliases": ["--output_dir"]}
    )

    def __post_init__(self) -> None:
        if len(self.models) < 2:
            raise UserError("--models needs two checkpoints or more")


def average(directories: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of every weight, summed in float64, in the first checkpoint's precision.

    Raises:
        UserError: a checkpoint cannot be read, or has other weights, another configuration or
            other labels than the first.
    """
    for directory in directories[1:]:
        _check_configuration(directories[0], directory)
    first = _weights(directories[0])
    total = {name: tensor.double() for name, tensor in first.items()}
    for directory in directories[1:]:
        weights = _weights(directory)
        if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in first.items()}:
            raise UserError(f"{directory} is not of the architecture of {directories[0]}")
        for name, tensor in weights.items():
            total[name] += tensor
    return {k: (v / len(directories)).to(first[k].dtype) for k, v in total.items()}


def _check_configuration(first: Path, other: Path) -> None:
    """Weights of one shape may still mean something else: the order of the labels, for example."""
    expected, actual = (read_object(directory / "config.json") for directory in (first, other))
    keys = (expected.keys() | actual.keys()) - ORIGIN
    for key in sorted(key for key in keys if expected.get(key) != actual.get(key)):
        raise UserError(
            f"{other}: {key} is {actual.get(key)!r} in config.json, but {expected.get(key)!r} in "
            f"{first}; a mean needs checkpoints of one configuration"
        )


def _check_modules(directories: Sequence[Path]) -> None:
    """Raises:
    UserError: sentence embeddings that are pooled in different ways.
    """
    first, folders = directories[0], module_folders(directories[0])
    for other in directories[1:]:
        if module_folders(other) != folders:
            raise UserError(f"{other} does not have the modules of {first} after the encoder")
        for name in folders:
            if (first / name / "config.json").is_file():
                _check_configuration(first / name, other / name)


def _weights(directory: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    from distill.models.loading import check_finite, readable

    with readable(directory):
        weights = load_file(directory / WEIGHTS)
    check_finite(weights.items(), directory)
    return weights


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, AverageArguments, __doc__)
    (arguments,) = parse(words, AverageArguments)
    directories, output = list(map(checkpoint_directory, arguments.models)), arguments.out
    check_free(output)
    _check_modules(directories)
    mean = average(directories)
    from safetensors.torch import save_file

    with atomic_directory(output) as staged:
        save_file(mean, staged / WEIGHTS, metadata={"format": "pt"})
        (staged / "config.json").write_bytes((directories[0] / "config.json").read_bytes())
        copy_tokenizer(directories[0], staged)
        copy_modules(directories[0], staged)
        for name in module_folders(directories[0]):
            if (staged / name / WEIGHTS).is_file():
                projection = average([directory / name for directory in directories])
                save_file(projection, staged / name / WEIGHTS, metadata={"format": "pt"})
    say(f"{output}: the mean of {len(directories)} checkpoints")
    return 0


if __name__ == "__main__":
    sys.exit(main())
