"""The tasks by name: what is not here is refused by name."""

from __future__ import annotations

from distill.console.errors import UserError
from distill.tasks import glue
from distill.tasks.classify import Classify
from distill.tasks.embed import Embed
from distill.tasks.official import Glue, Imdb
from distill.tasks.rank import Rank
from distill.tasks.squad_task import SpanTask
from distill.tasks.task import Task
from distill.tasks.tokens import Tokens

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        SpanTask("squad"),
        SpanTask("squad2", allow_null=True),
        *(Glue(name) for name in glue.TASKS),
        Imdb("imdb"),
        Classify("classify"),
        Tokens("tokens"),
        Embed("embed"),
        Rank("rank"),
    )
}
MASKED_TEXT = "mlm"


def task_named(name: str) -> Task:
    """The task called ``name`` in any spelling: ``sst2``, ``SST-2``.

    Raises:
        UserError: no such task; of text without labels, which command it has.
    """
    task = TASKS.get(name.lower().replace("-", ""))
    if name.lower() == MASKED_TEXT:
        raise UserError(f"{MASKED_TEXT} is not a task here: use python -m distill.adapt_mlm")
    if task is None:
        raise UserError(f"unknown task {name!r}; choose from {', '.join(TASKS)}")
    return task
