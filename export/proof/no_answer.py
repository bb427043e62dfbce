"""The threshold of "no answer": a number, or the best one on data of SQuAD 2.0's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.errors import UserError
from export.tasks.table import TASKS, task_named
from export.tasks.task import Reading

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from export.proof.witness import Witness


@dataclass(frozen=True)
class NoAnswer:
    """``threshold``: a question has no answer where the score of none is above that of the best
    span by more than it. ``questions`` and ``best_f1`` (percent) of the data it was chosen on."""

    threshold: float
    questions: int = 0
    best_f1: float | None = None

    def sentence(self) -> str:
        """The row of a report."""
        if self.best_f1 is None:
            return f"above {self.threshold:.4g}"
        return (
            f"above {self.threshold:.4g}, the best of {self.questions} questions: "
            f"F1 {self.best_f1:.2f}%"
        )


def check_no_answer(task: str, stated: float | Path | None) -> None:
    """Raises:
    UserError: a threshold for a task that always answers, or data that cannot be read.
    """
    record = task_named(task)
    if stated is not None and not record.may_not_answer:
        names = ", ".join(name for name, each in TASKS.items() if each.may_not_answer)
        raise UserError(f"--no-answer-threshold is for {names}, not for {task}")
    if isinstance(stated, Path):
        record.read(stated)  # refused now, not after the model is loaded


def no_answer_of(
    stated: float | Path | None,
    witness: Witness,
    tokenizer: Tokenizer,
    settings: Mapping[str, object],
) -> NoAnswer | None:
    """What ``--no-answer-threshold`` asks for.

    Args:
        stated: a number; a file, on which the witness answers; or None.
        settings: the content of model.json, for the windows of passages.

    Raises:
        UserError: the file holds no question without an answer, or none with one.
    """
    if stated is None:
        return None
    if not isinstance(stated, Path):
        return NoAnswer(float(stated))
    task = witness.task
    examples = task.read(stated)
    found = task.best_no_answer(examples, Reading(tokenizer, settings), witness.predict)
    return NoAnswer(found["best_f1_threshold"], len(examples), found["best_f1"])
