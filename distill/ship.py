"""Write a trained checkpoint for shipping: half-precision weights, tokenizer, model card.

Example:

    python -m distill.ship --model runs/student-d --card card.md --output_dir distill/models/qa-mini
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distill import DistillError
from distill.atomic import atomic_directory
from distill.checkpoints import checkpoint_directory
from distill.command import command
from distill.options import asks_for_help, parse, print_help

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

    model: str = field(metadata={"help": "checkpoint directory"})
    output_dir: str = field(metadata={"help": "directory to write; an older one is replaced"})
    card: str = field(metadata={"help": "Markdown file that becomes its README.md"})


def write_tokenizer(source: Path, target: Path) -> None:
    """Write the tokenizer of a checkpoint as a question-answering model needs it: compact, its
    vocabulary beside it, and without the padding and truncation of its former use.

    Raises:
        DistillError: ``source`` has no ``tokenizer.json``.
    """
    from distill.finetune_squad import load_tokenizer

    tokenizer = load_tokenizer(source)
    tokenizer.save(str(target / "tokenizer.json"), pretty=False)
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    (target / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in by_id), "utf-8")
    config = source / "tokenizer_config.json"
    if config.is_file():
        kept = {
            k: v for k, v in json.loads(config.read_text("utf-8")).items() if k not in FORMER_USE
        }
        text = json.dumps(kept, indent=2, sort_keys=True) + "\n"
        (target / "tokenizer_config.json").write_text(text, "utf-8")


@command(DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    given = list(argv) if argv is not None else sys.argv[1:]
    if asks_for_help(given):
        print_help(ShipArguments, __doc__)
        return 0
    (arguments,) = parse(given, ShipArguments)
    import torch
    from transformers import AutoModelForQuestionAnswering

    source = checkpoint_directory(arguments.model)
    card = Path(arguments.card).read_text(encoding="utf-8")
    model = AutoModelForQuestionAnswering.from_pretrained(source, dtype=torch.float16)
    output = Path(arguments.output_dir)
    with atomic_directory(output, replace=True) as staged:
        model.save_pretrained(staged)
        write_tokenizer(source, staged)
        (staged / "README.md").write_text(card, encoding="utf-8")
    size = sum(file.stat().st_size for file in output.iterdir())
    print(f"{output}: {model.num_parameters() / 1e6:.1f} M parameters, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
