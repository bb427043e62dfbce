"""The tasks that a package can be made for: one record each, and nothing else about a task
anywhere else."""

from __future__ import annotations

from collections.abc import Sequence

from distill.console.errors import UserError
from export.tasks.classify import Classify
from export.tasks.embed import Embed
from export.tasks.features import Features
from export.tasks.mlm import MaskedLanguageModel
from export.tasks.qa import QuestionAnswering
from export.tasks.rank import Rank
from export.tasks.task import AnyTask
from export.tasks.tokens import TokenClassification

TASKS: dict[str, AnyTask] = {
    task.name: task
    for task in (
        QuestionAnswering(),
        Classify(),
        TokenClassification(),
        Rank(),
        Embed(),
        MaskedLanguageModel(),
        Features(),
    )
}

ENCODER_ALONE = Embed.name
"""The task that is an encoder and little else: what a comparison of speeds exports."""


def task_named(name: str) -> AnyTask:
    """The record of a task.

    Raises:
        UserError: no such task.
    """
    if name not in TASKS:
        raise UserError(f"unknown task {name!r} (expected {', '.join(TASKS)})")
    return TASKS[name]


def tasks_of(architectures: Sequence[str]) -> list[str]:
    """The tasks that a checkpoint's ``architectures`` are made for, the likeliest first; none where
    the names say nothing that is known."""
    return [
        name
        for name, task in TASKS.items()
        if any(each.endswith(task.architecture) for each in architectures)
    ]
