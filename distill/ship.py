"""Write a trained checkpoint for shipping.

It has half-precision weights, a tokenizer and a model card.

Example:

    python -m distill.ship --model runs/student-d --card card.md --out distill/models/qa-mini

Heads of every task are kept, and the modules of a folder of `sentence-transformers`: the model is
what the checkpoint's config.json says it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_directory, is_free
from distill.console.bounded_files import read_bounded, read_object
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.sentence_modules import MODULE_PART, SENTENCE_FILES, copy_modules
from distill.models.vocabulary_file import write_vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What is written, and all that a directory may hold to be replaced.
SHIPPED = {
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "README.md",
    *SENTENCE_FILES,
}
# What a checkpoint's tokenizer_config.json says of the machine and the task it comes from.
FORMER_USE = {
    "is_local",
    "local_files_only",
    "name_or_path",
    "max_length",
    "pad_to_multiple_of",
    "stride",
    "truncation_side",
    "truncation_strategy",
}


@dataclass
class ShipArguments:
    """Which checkpoint, where to, with which card."""

    model: str = field(metadata={"help": "checkpoint folder, hub id or preset"})
    out: str = field(
        metadata={
            "help": "folder to write, or to replace if it was shipped before",
            "aliases": ["--output_dir"],
        }
    )
    card: str = field(metadata={"help": "Markdown file that becomes its README.md"})


def write_tokenizer(source: Path, target: Path) -> None:
    """Write the tokenizer of a checkpoint as a release needs it: compact, its vocabulary beside
    it, and without the padding and truncation of its former use.

    Raises:
        UserError: ``source`` has no ``tokenizer.json``.
    """
    from distill.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(source)
    tokenizer.save(str(target / "tokenizer.json"), pretty=False)
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    write_vocabulary(target, [token for token, _ in by_id])
    config = source / "tokenizer_config.json"
    if config.is_file():
        kept = {k: v for k, v in read_object(config).items() if k not in FORMER_USE}
        text = json.dumps(kept, indent=2, sort_keys=True) + "\n"
        (target / "tokenizer_config.json").write_text(text, "utf-8")


def load_model(source: Path) -> PreTrainedModel:
    """The model of a checkpoint with the head that it was saved with, in half precision.

    Raises:
        UserError: its config.json names no class of `transformers`, or it cannot be loaded.
    """
    import torch

    from distill.models.own_architecture import load_as_named

    return load_as_named(source, torch.float16)


def _check_output(output: Path) -> None:
    """Raises:
    UserError: the directory holds something other than a shipped model.
    """
    if is_free(output):
        return
    inside = {str(path.relative_to(output)) for path in output.rglob("*")}
    names = {name for name in inside if not MODULE_PART.fullmatch(name)}
    if "config.json" not in names or names - SHIPPED:
        raise UserError(
            f"{output} holds something other than a shipped model, which would be lost: choose "
            "another --out"
        )


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, ShipArguments, __doc__)
    (arguments,) = parse(words, ShipArguments)
    source, output = checkpoint_directory(arguments.model), Path(arguments.out)
    _check_output(output)
    try:
        card = read_bounded(Path(arguments.card)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{arguments.card}: not UTF-8 ({error.reason})") from None
    model = load_model(source)
    with atomic_directory(output, _check_output) as staged:
        model.save_pretrained(staged)
        write_tokenizer(source, staged)
        copy_modules(source, staged)
        (staged / "README.md").write_text(card, encoding="utf-8")
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    say(f"{output}: {model.num_parameters() / 1e6:.1f} M parameters, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
