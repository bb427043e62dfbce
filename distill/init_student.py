"""Write a student made from a teacher's layers.

It is not yet trained.

Example:

    python -m distill.init_student --teacher minilm --layers 3 --out runs/start
    python -m distill.init_student --teacher minilm --layers 12 --hidden_size 256 \\
        --out runs/deep-start    # narrower, and deeper than its teacher
    python -m distill.init_student --teacher minilm --layers 3 --width 128 --text sentences.txt \\
        --out runs/embed-start   # sentence embeddings of 128 numbers
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import check_free
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.console.tables import say
from distill.training.settings import layer_choice

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class StudentArguments:
    """Which teacher, how deep, which of its layers."""

    teacher: str = field(metadata={"help": "checkpoint folder, hub id or preset"})
    out: str = field(metadata={"help": "folder to write", "aliases": ["--output_dir"]})
    layers: int = field(default=6, metadata={"help": "number of layers of the student"})
    choice: str = field(
        default="reference",
        metadata={
            "help": "the teacher's layers: reference, even, first, last, random, or such as 0,2,4"
        },
    )
    hidden_size: int | None = field(
        default=None,
        metadata={"help": "numbers a position, of which the teacher's most important are kept; a "
                  "multiple of the width of its heads; default: all"},
    )  # fmt: skip
    intermediate_size: int | None = field(
        default=None,
        metadata={"help": "units of each feed-forward layer; default: in proportion"},
    )
    seed: int = field(default=0, metadata={"help": "seed of what is drawn at random"})
    width: int | None = field(
        default=None,
        metadata={
            "help": "write a student of sentence embeddings with so many numbers, pooled as the "
            "teacher's; fewer than the teacher's need --text"
        },
    )
    text: list[str] = field(
        default_factory=list, metadata={"help": "text that a smaller --width is fitted to"}
    )

    def __post_init__(self) -> None:
        if self.text and self.width is None:
            raise UserError("--text is for a student of sentence embeddings: name its --width")
        if self.width is not None and self.hidden_size is not None:
            raise UserError(
                "--width projects embeddings as wide as the teacher's: leave --hidden_size out"
            )


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, StudentArguments, __doc__)
    (arguments,) = parse(words, StudentArguments)
    output = Path(arguments.out)
    check_free(output)
    from distill.console.progress import quiet

    with quiet():
        student = write_student(arguments, output)
    say(
        f"{output}: {student.num_parameters() / 1e6:.1f} M parameters, not yet trained",
        f"next: python -m distill.finetune --model {shlex.quote(arguments.out)} --task TASK "
        "--teacher TEACHER --out RUN",
    )
    return 0


def write_student(arguments: StudentArguments, output: Path) -> PreTrainedModel:
    """Make the student and write it with its tokenizer and a model card.

    Raises:
        UserError: the teacher cannot be loaded, has no tokenizer or gives no such student; the text
            for a smaller ``--width`` is missing or too short.
    """
    from distill.corpus.text_sources import read_texts
    from distill.models.checkpoint_folder import checkpoint_directory
    from distill.models.loading import check_tokenizer
    from distill.runs.model_card import student_card
    from distill.runs.run_outputs import write_model
    from distill.students.embedding_student import (
        MOST_TEXTS,
        fitted_directions,
        write_embedding_student,
    )
    from distill.students.from_layers import load_teacher, make_student
    from distill.students.narrower import narrowed

    directory = checkpoint_directory(arguments.teacher)
    check_tokenizer(directory)
    embedder = None
    if arguments.width is not None:
        texts = list(islice(read_texts(arguments.text), MOST_TEXTS))
        embedder = fitted_directions(directory, arguments.width, texts)
    student = make_student(
        load_teacher(directory), arguments.layers, layer_choice(arguments.choice), arguments.seed
    )
    if arguments.hidden_size or arguments.intermediate_size:
        width = arguments.hidden_size or student.config.dim
        student = narrowed(student, width, arguments.intermediate_size)
    card = student_card(
        arguments.teacher,
        arguments.layers,
        arguments.choice,
        arguments.seed,
        student.num_parameters(),
    )
    write_model(output, student, directory, card)
    if embedder is not None:
        write_embedding_student(output, *embedder)
    return student


if __name__ == "__main__":
    sys.exit(main())
