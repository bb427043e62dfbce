"""Write a trained checkpoint for shipping: half-precision weights, tokenizer, model card.

Example:

    python -m distill.ship --model runs/student-d --card card.md --output_dir distill/models/qa-mini
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distill import DistillError
from distill.atomic import atomic_directory
from distill.command import command


@dataclass
class ShipArguments:
    """Which checkpoint, where to, with which card."""

    model: str = field(metadata={"help": "checkpoint directory"})
    output_dir: str = field(metadata={"help": "directory to write; an older one is replaced"})
    card: str = field(metadata={"help": "Markdown file that becomes its README.md"})


@command(DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    import torch
    from transformers import AutoModelForQuestionAnswering, HfArgumentParser

    from distill.finetune import checkpoint_directory
    from distill.finetune_squad import tokenizer_files

    parser = HfArgumentParser(ShipArguments, description=__doc__)  # type: ignore[arg-type]
    (arguments,) = parser.parse_args_into_dataclasses(list(argv) if argv is not None else None)
    source = checkpoint_directory(arguments.model)
    card = Path(arguments.card).read_text(encoding="utf-8")
    model = AutoModelForQuestionAnswering.from_pretrained(source, dtype=torch.float16)
    output = Path(arguments.output_dir)
    with atomic_directory(output, replace=True) as staged:
        model.save_pretrained(staged)
        tokenizer_files(source, staged)
        (staged / "README.md").write_text(card, encoding="utf-8")
    size = sum(file.stat().st_size for file in output.iterdir())
    print(f"{output}: {model.num_parameters() / 1e6:.1f} M parameters, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
