"""Which task a checkpoint was fine-tuned on, by its own files."""

from __future__ import annotations

from pathlib import Path

from distill.console.bounded_files import read_object
from distill.console.errors import UserError
from distill.tasks.table import TASKS, USUAL

AUTO = "AutoModel"
"""What the name of an auto class begins with; the rest ends the name of an architecture."""


def recorded_task(directory: Path) -> str | None:
    """The task that `distill.training.finetuning` wrote into the configuration of a checkpoint;
    None where another program trained it.

    Raises:
        UserError: the configuration cannot be read.
    """
    named = read_object(directory / "config.json").get("finetuning_task")
    return named if isinstance(named, str) and named in TASKS else None


def recorded_columns(directory: Path) -> tuple[str, ...]:
    """The columns that the texts of a fine-tuning were from, in their order; none where they are
    not recorded.

    Raises:
        UserError: as `recorded_task`.
    """
    named = read_object(directory / "config.json").get("finetuning_columns")
    return tuple(map(str, named)) if isinstance(named, list) else ()


def task_of(directory: Path) -> str:
    """The task of a checkpoint: the one that its configuration records, or else the only one, or
    the usual one, of those whose head it has.

    Raises:
        UserError: the configuration cannot be read, or its head may be that of several tasks.
    """
    if recorded := recorded_task(directory):
        return recorded
    if (directory / "modules.json").is_file():
        return next(name for name, task in TASKS.items() if task.of_sentence_transformers)
    heads = [str(head) for head in read_object(directory / "config.json").get("architectures", ())]
    suffixes = {name: task.kind.__name__.removeprefix(AUTO) for name, task in TASKS.items()}
    possible = [
        name
        for name, suffix in suffixes.items()
        if suffix and any(head.endswith(suffix) for head in heads)
    ]
    if USUAL in possible:
        return USUAL
    if len(possible) == 1:
        return possible[0]
    raise UserError(
        f"{directory}: config.json does not say which task it was fine-tuned on; name one with "
        f"--task ({', '.join(possible or TASKS)})"
    )
