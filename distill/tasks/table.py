"""The tasks by name: what is not here is refused by name.

The file of a task is imported when the task is first used. A list of names, as `--help` prints it,
does without PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from distill.console.errors import UserError
from distill.tasks import glue

if TYPE_CHECKING:
    from distill.tasks.task import AnyTask

MASKED_TEXT = "mlm"
USUAL = "squad"
"""The task of a command that none is named to."""


class Row(NamedTuple):
    """Where a task is: its file in this room, its class there, and what makes it besides a name."""

    file: str
    of: str
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed

    def task(self, name: str) -> AnyTask:
        """Import the file and make the task."""
        task: AnyTask = getattr(import_module(f"distill.tasks.{self.file}"), self.of)(
            name, **self.options
        )
        return task


class Tasks(MutableMapping[str, "AnyTask"]):
    """Tasks by name, each made when it is first asked for."""

    def __init__(self, rows: dict[str, Row]) -> None:
        self._rows: dict[str, Row | AnyTask] = dict(rows)

    def __getitem__(self, name: str) -> AnyTask:
        row = self._rows[name]
        if isinstance(row, Row):
            row = self._rows[name] = row.task(name)
        return row

    def __setitem__(self, name: str, task: AnyTask) -> None:
        self._rows[name] = task

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


TASKS = Tasks(
    {
        "squad": Row("squad_task", "SpanTask"),
        "squad2": Row("squad_task", "SpanTask", {"allow_null": True}),
        **{name: Row("official", "Glue") for name in glue.TASKS},
        "imdb": Row("official", "Imdb"),
        "classify": Row("classify", "Classify"),
        "tokens": Row("tokens", "Tokens"),
        "embed": Row("embed", "Embed"),
        "rank": Row("rank", "Rank"),
    }
)


class Suite(NamedTuple):
    """Several tasks, each with a checkpoint of its own, and their scores as one number."""

    tasks: tuple[str, ...]
    macro_score: Callable[[dict[str, float]], float]


SUITES = {"glue": Suite(tuple(glue.TASKS), glue.macro_score)}


def task_named(name: str) -> AnyTask:
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
