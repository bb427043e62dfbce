"""Score a checkpoint, or a file of predictions, with a task's official metric.

Example:

    python -m distill.evaluate --task squad --model runs/student --data dev-v1.1.json.gz
    python -m distill.evaluate --task squad --predictions predictions.json --data dev-v1.1.json.gz
    python -m distill.evaluate --task stsb --model runs/stsb
    python -m distill.evaluate --task glue --model runs/glue   # runs/glue/cola, runs/glue/mnli, ...
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.models.checkpoint_folder import check_length, checkpoint_directory, read_object
from distill.models.presets import data_directory
from distill.tasks import classification, glue, squad

SQUAD = ("squad", "squad2")
TASKS = (*SQUAD, *classification.TASKS, "glue")
MAX_LENGTH = 384  # of a SQuAD window, as the reference has it
RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass
class EvaluateArguments:
    """What to score, on what."""

    task: str = field(default="squad", metadata={"help": ", ".join(TASKS)})
    model: str | None = field(
        default=None,
        metadata={"help": "checkpoint directory or preset; glue: a folder of them, by task name"},
    )
    predictions: str | None = field(
        default=None, metadata={"help": "squad: JSON file {id: answer text}, plain or .gz"}
    )
    data: str | None = field(
        default=None,
        metadata={
            "help": "squad: the file, or hub:NAME:SPLIT; GLUE, imdb: folder in the official "
            "layout, or hub"
        },
    )
    limit: int | None = field(
        default=None, metadata={"help": "so many examples of a split, evenly spaced"}
    )
    max_length: int = field(
        default=0, metadata={"help": "tokens of an input; 0: squad 384, GLUE 128, imdb 512"}
    )
    doc_stride: int = field(default=128, metadata={"help": "tokens between starts of windows"})
    null_threshold: float = field(default=0.0, metadata={"help": "squad2: lead of no answer"})
    save_predictions: str | None = field(default=None, metadata={"help": "write {id: text} here"})
    json: bool = field(default=False, metadata={"help": "print JSON"})

    def __post_init__(self) -> None:
        self.task = self.task.lower().replace("-", "")
        if self.task not in TASKS:
            raise UserError(f"unknown task {self.task!r}; choose from {', '.join(TASKS)}")
        if self.task not in SQUAD and (self.predictions or self.save_predictions):
            raise UserError(f"prediction files are for {' and '.join(SQUAD)}, not {self.task}")
        if (self.model is None) == (self.predictions is None):
            raise UserError("give either --model or --predictions")
        if self.predictions and self.save_predictions:
            raise UserError("--save_predictions writes those of a --model")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--limit must be at least 1, not {self.limit}")


@command
def main(argv: Sequence[str] | None = None) -> int:
    given = options_given(argv, EvaluateArguments, __doc__)
    (arguments,) = parse(given, EvaluateArguments)
    from distill.console.progress import quiet

    with quiet():
        report = evaluate(arguments)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        _print(report, arguments.predictions or arguments.model)
    return 0


def evaluate(arguments: EvaluateArguments) -> dict[str, Any]:
    """The metric of a model or a prediction file; `glue` gives the score of each task that has a
    checkpoint, and their macro score.

    Raises:
        UserError: no such checkpoint or data, or they do not fit the task.
    """
    if arguments.task == "glue":
        return _evaluate_glue(arguments)
    if arguments.task not in SQUAD:
        return _evaluate_classification(arguments)
    return _evaluate_squad(arguments)


def _evaluate_glue(arguments: EvaluateArguments) -> dict[str, Any]:
    folder = Path(str(arguments.model))
    present = [name for name in glue.TASKS if (folder / name / "config.json").is_file()]
    if not present:
        raise UserError(f"{folder}: holds no checkpoint called {', '.join(glue.TASKS)}")
    scores = {
        name: _evaluate_classification(replace(arguments, task=name, model=str(folder / name)))[
            "score"
        ]
        for name in present
    }
    return {**scores, "macro_score": glue.macro_score(scores), "tasks": len(scores)}


def _evaluate_classification(arguments: EvaluateArguments) -> dict[str, Any]:
    from distill.models.loading import load_auto_tokenizer, scoring_device
    from distill.tasks.classify_batches import load_model
    from distill.training.finetune_classify import evaluate_model

    task = classification.task_named(arguments.task)
    directory = checkpoint_directory(str(arguments.model))
    length = arguments.max_length or classification.MAX_LENGTHS[task.name]
    check_length(directory, length)
    examples = {
        split: spaced(classification.load_split(task, split, arguments.data), arguments.limit)
        for split in task.splits
    }
    tokenizer = load_auto_tokenizer(directory)
    features = {
        split: classification.make_features(rows, tokenizer, length)
        for split, rows in examples.items()
    }
    model = load_model(directory, task, trained=True).to(scoring_device())  # type: ignore[arg-type]
    return dict(evaluate_model(model, task, features, int(tokenizer.pad_token_id)))


def _evaluate_squad(arguments: EvaluateArguments) -> dict[str, Any]:
    """With a bootstrap interval of F1 over the questions."""
    examples = spaced(squad.load_examples(_data(arguments), on_mismatch="keep"), arguments.limit)
    predictions = _predictions(arguments, examples)
    rows = squad.scores_by_question(examples, predictions)
    report: dict[str, Any] = squad.summary(examples, predictions, rows)
    report["f1_interval"] = bootstrap_interval(rows[:, 1])
    return report


def spaced(examples: Sequence[Any], limit: int | None) -> list[Any]:
    """At most ``limit`` examples, evenly spaced, so that every part of the file has its share."""
    if limit is None or limit >= len(examples):
        return list(examples)
    return [examples[i * len(examples) // limit] for i in range(limit)]


def bootstrap_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95% interval of the mean by resampling questions (percentile bootstrap, Efron 1979)."""
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _data(arguments: EvaluateArguments) -> Path:
    if arguments.data:
        return Path(arguments.data)
    folder = data_directory()
    if folder is None or arguments.task != "squad":
        raise UserError("name the data file with --data")
    return folder / "squad" / "dev-v1.1.json.gz"


def _predictions(arguments: EvaluateArguments, examples: Sequence[squad.Example]) -> dict[str, str]:
    if arguments.predictions:
        stored = squad.read_json(Path(arguments.predictions))
        if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
            raise UserError(f"{arguments.predictions}: not a JSON object of id: answer text")
        return stored
    from distill.models.loading import scoring_device
    from distill.models.tokenizer import load_tokenizer
    from distill.training.finetune_squad import load_model, predict

    directory = checkpoint_directory(str(arguments.model))
    heads = read_object(directory / "config.json").get("architectures")
    if heads and not any(name.endswith("ForQuestionAnswering") for name in heads):
        raise UserError(f"{directory}: has no question-answering head, it is {heads[0]}")
    length = arguments.max_length or MAX_LENGTH
    check_length(directory, length)
    tokenizer = load_tokenizer(directory)
    features = squad.make_features(examples, tokenizer, length, arguments.doc_stride)
    answers = squad.decode(
        examples,
        features,
        *predict(load_model(directory, trained=True).to(scoring_device()), features),
        allow_null=arguments.task == "squad2",
        null_threshold=arguments.null_threshold,
    )
    predictions = {key: best[0].text if best else "" for key, best in answers.items()}
    if arguments.save_predictions:
        from distill.console.atomic import atomic_file

        with atomic_file(arguments.save_predictions) as staged:
            staged.write_text(json.dumps(predictions, ensure_ascii=False), encoding="utf-8")
    return predictions


def _print(report: dict[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, show_header=False, title_justify="left")
    for key, value in report.items():
        if key == "f1_interval":
            text = f"{value[0]:.2f} to {value[1]:.2f} (95%, bootstrap)"
        else:
            text = f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(key.replace("_", " "), text)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
