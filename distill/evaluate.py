"""Score a checkpoint, or compare two.

The score is a task's official metric, of a checkpoint or of a file of predictions; of two the
difference is printed too, with its interval.

Example:

    python -m distill.evaluate --task squad --model runs/student --data dev-v1.1.json.gz
    python -m distill.evaluate --task squad --predictions predictions.json --data dev-v1.1.json.gz
    python -m distill.evaluate --task squad --predictions a.json b.json --data dev-v1.1.json.gz
    python -m distill.evaluate --model runs/stsb   # on the task that it was fine-tuned on
    python -m distill.evaluate --task stsb runs/baseline runs/student   # paired comparison
    python -m distill.evaluate --task glue --model runs/glue   # runs/glue/cola, runs/glue/mnli, ...
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.command_parser import show_result
from distill.console.errors import UserError, command, note
from distill.console.options import JsonOptions, expanded, options_given, parse
from distill.console.tables import one_line, plain
from distill.models.checkpoint_folder import checkpoint_directory
from distill.tasks.evaluation import Comparison, Evaluation, comparison_of, evaluation_of
from distill.tasks.metric_words import difference_words, metric_title, value_words, with_interval
from distill.tasks.options import TaskOptions
from distill.tasks.scoring import note_other_task, score_checkpoint
from distill.tasks.spaced_items import spaced
from distill.tasks.statistics import few_units, interval_of_mean, intervals
from distill.tasks.table import SUITES, TASKS, USUAL, Suite, task_named

if TYPE_CHECKING:
    from distill.tasks.task import AnyTask, Scored


@dataclass(kw_only=True)
class EvaluateArguments(TaskOptions, JsonOptions):
    """What to score, on what."""

    task: str = field(
        default="",
        metadata={
            "help": f"{', '.join((*TASKS, *SUITES))}; default: that of the checkpoint, "
            f"{USUAL} for --predictions"
        },
    )
    model: list[str] = field(
        default_factory=list,
        metadata={
            "help": "checkpoint folder, hub id or preset; or two to compare; glue: a folder of "
            "them, by task name"
        },
    )
    predictions: list[str] = field(
        default_factory=list,
        metadata={"help": "squad: JSON file {id: answer text}, plain or .gz, or two to compare"},
    )
    limit: int | None = field(
        default=None, metadata={"help": "score so many examples of each split, evenly spaced"}
    )
    save_predictions: str | None = field(
        default=None, metadata={"help": "file to write the answers to, as JSON"}
    )

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--limit must be at least 1, not {self.limit}")
        if bool(self.model) == bool(self.predictions):
            raise UserError("give either --model or --predictions")
        if self.predictions and self.save_predictions:
            raise UserError("--save_predictions writes those of a --model")
        if len(self.model) > 2 or (len(self.model) == 2 and self.save_predictions):
            raise UserError("at most two models can be compared, and their answers are not saved")
        if len(self.predictions) > 2:
            raise UserError("at most two files of predictions can be compared")
        if not self.task:
            self.task = self._task_of_model()
        if self.task.lower() in SUITES and len(self.model) == 1:
            self.task = self.task.lower()
            return
        task = task_named(self.task)
        self.task = task.name
        if self.predictions and not task.takes_texts:
            takers = [name for name in TASKS if TASKS[name].takes_texts]
            raise UserError(f"prediction files are for {' and '.join(takers)}, not {self.task}")
        task.complete(self)

    def _task_of_model(self) -> str:
        if self.predictions:
            return USUAL
        from distill.tasks.trained_for import task_of

        return task_of(checkpoint_directory(self.model[0]))


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, EvaluateArguments, __doc__)
    (arguments,) = parse(_with_names(words), EvaluateArguments)
    from distill.console.progress import quiet

    with quiet():
        result = evaluate(arguments)
    title = " and ".join(arguments.predictions or arguments.model)
    show_result(arguments, result, lambda found: _print(found, title))
    return 0


def _with_names(words: Sequence[str]) -> list[str]:
    """Models may stand without ``--model``, first or last: ``distill.evaluate A B``."""
    options = list(expanded(words))
    first = []
    while options and not options[0].startswith("-"):
        first.append(options.pop(0))
    if len(first) == 0 and len(options) > 3:  # --task T A B
        last = []
        while options and not options[-1].startswith("-"):
            last.append(options.pop())
        if options and options[-1] == "--task" and len(last) > 1:
            options.append(last.pop())
            first = last[::-1]
        else:
            options += last[::-1]
    return [*options, "--model", *first] if first else options


def evaluate(arguments: EvaluateArguments) -> Evaluation | Comparison:
    """The metrics of a model or a prediction file, with 95% intervals; of two both, and the
    differences; `glue` gives the score of each task that has a checkpoint, and their macro score.

    Raises:
        UserError: no such checkpoint or data, or they do not fit the task.
    """
    if suite := SUITES.get(arguments.task):
        return _evaluate_suite(suite, arguments)
    task = task_named(arguments.task)
    scored = [_scored(task, model, arguments) for model in arguments.model]
    scored += [_scored_file(task, path, arguments) for path in arguments.predictions]
    if words := few_units(scored[0].statistics):
        note(words)
    if len(scored) == 2:
        return comparison_of(*scored)
    if arguments.save_predictions:
        from distill.console.atomic import atomic_file

        with atomic_file(arguments.save_predictions) as staged:
            text = json.dumps(scored[0].predictions, ensure_ascii=False)
            staged.write_text(text, encoding="utf-8")
    return evaluation_of(scored[0])


def _evaluate_suite(suite: Suite, arguments: EvaluateArguments) -> Evaluation:
    folder = Path(arguments.model[0])
    present = [name for name in suite.tasks if (folder / name / "config.json").is_file()]
    if not present:
        raise UserError(f"{folder}: has no checkpoint called {', '.join(suite.tasks)}")
    scored = {}
    for name in present:
        own = replace(arguments, task=name, model=[str(folder / name)])
        scored[name] = _scored(task_named(name), own.model[0], own)
    scores = {name: found.metrics["score"] for name, found in scored.items()}
    whole = {"macro_score": suite.macro_score(scores), "tasks": len(scores)}
    statistics = {name: found.statistics for name, found in scored.items()}
    ends = {name: found["score"] for name, each in statistics.items() if (found := intervals(each))}
    if len(ends) == len(scores):
        ends["macro_score"] = interval_of_mean([*statistics.values()], "score")
    return Evaluation({**scores, **whole}, ends)


def _scored(task: AnyTask, model: str, arguments: EvaluateArguments) -> Scored:
    directory = checkpoint_directory(model)
    note_other_task(task, directory)
    return score_checkpoint(task, directory, arguments, arguments.limit)


def _scored_file(task: AnyTask, path: str, arguments: EvaluateArguments) -> Scored:
    from distill.console.bounded_files import read_json

    stored = read_json(Path(path), unique=True)
    if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
        raise UserError(f"{path}: not a JSON object of id: answer text")
    (examples,) = task.read_scored(arguments, None).scored.values()
    return task.score_texts(spaced(examples, arguments.limit), stored)


def _print(result: Evaluation | Comparison, title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if isinstance(result, Comparison):
        models, differences = [result.first, result.second], result.differences
        heads = ["first", "second", "difference, second - first"]
    else:
        models, differences, heads = [result], {}, ["value"]
    table = Table("metric", *heads, title=plain(one_line(title)), title_justify="left")
    for name in models[0].metrics:
        cells = [
            with_interval(value_words(name, model.metrics[name]), model.intervals.get(name))
            for model in models
        ]
        if change := differences.get(name):
            words = difference_words(name, change.difference)
            cells.append(with_interval(words, change.interval, signed=True))
        if len(models) > 1:  # side by side, the interval below its value
            cells = [cell.replace(" (", "\n(") for cell in cells]
        table.add_row(plain(metric_title(name)), *cells)
    Console(markup=False).print(table)
    if any(model.intervals for model in models):
        print("in parentheses: 95% intervals, by bootstrap")


if __name__ == "__main__":
    sys.exit(main())
