"""Write a student made from a teacher's layers, not yet trained.

Example:

    python -m distill.init_student --teacher minilm --layers 3 --output_dir runs/start
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
class StudentArguments:
    """Which teacher, how deep, which of its layers."""

    teacher: str = field(metadata={"help": "checkpoint directory or preset"})
    output_dir: str = field(metadata={"help": "directory to write"})
    layers: int = field(default=6, metadata={"help": "depth of the student"})
    choice: str = field(
        default="reference",
        metadata={"help": "reference, even, first, last, random, or a list such as 0,2,4"},
    )
    seed: int = field(default=0, metadata={"help": "of what is drawn at random"})


@command(DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    from transformers import AutoModel, AutoTokenizer, HfArgumentParser

    from distill.finetune import checkpoint_directory
    from distill.student import make_student

    parser = HfArgumentParser(StudentArguments, description=__doc__)  # type: ignore[arg-type]
    (arguments,) = parser.parse_args_into_dataclasses(list(argv) if argv is not None else None)
    directory = checkpoint_directory(arguments.teacher)
    student = make_student(
        AutoModel.from_pretrained(directory),
        arguments.layers,
        _choice(arguments.choice),
        arguments.seed,
    )
    with atomic_directory(Path(arguments.output_dir)) as staged:
        student.save_pretrained(staged)
        AutoTokenizer.from_pretrained(directory).save_pretrained(staged)
    print(f"{arguments.output_dir}: {student.num_parameters() / 1e6:.1f} M parameters")
    return 0


def _choice(text: str) -> str | tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
