"""Rows without labels beside the training data: what a teacher says of them is learnt alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from distill.console.errors import UserError
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyData, AnyTask


def with_unlabelled(
    task: AnyTask,
    data: AnyData,
    path: str,
    options: TaskOptions,
    chooses: Mapping[str, Sequence[object]],
) -> tuple[AnyData, str]:
    """The data with the rows of a file at the end of ``train``, and how many there are, in words.

    Args:
        chooses: the rows that choose the best step, by split. They, and those of ``data.scored``,
            are left out of the file's rows: equal texts are not on both sides.

    Raises:
        UserError: the file cannot be read, or holds other rows than the task reads.
    """
    examples = task.read_unlabelled(path, options, data)
    apart = [*data.scored.values(), *chooses.values()]
    scored = {task.text_of(example) for rows in apart for example in rows}
    kept = [example for example in examples if task.text_of(example) not in scored]
    if not kept:
        raise UserError(f"{path}: all {len(examples)} rows are among those that are scored")
    counts = {**data.counts, "unlabelled": len(kept)}
    words = f"{len(kept)} rows of {path} without labels, which the teacher alone teaches"
    if len(examples) > len(kept):
        words += f"; {len(examples) - len(kept)} left out, which are scored"
    return replace(data, train=[*data.train, *kept], counts=counts), words
