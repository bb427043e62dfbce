"""Score a checkpoint, or a file of predictions, with a task's official metric.

Example:

    python -m distill.evaluate --task squad --model runs/student --data dev-v1.1.json.gz
    python -m distill.evaluate --task squad --predictions predictions.json --data dev-v1.1.json.gz
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distill import DistillError, squad
from distill.command import command
from distill.presets import data_directory

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass
class EvaluateArguments:
    """What to score, on what."""

    task: str = field(default="squad", metadata={"help": "squad (v1.1), squad2 (v2.0)"})
    model: str | None = field(default=None, metadata={"help": "checkpoint directory or preset"})
    predictions: str | None = field(default=None, metadata={"help": "JSON file {id: answer text}"})
    data: str | None = field(default=None, metadata={"help": "file in the task's official format"})
    limit: int | None = field(default=None, metadata={"help": "so many examples, evenly spaced"})
    max_length: int = field(default=384, metadata={"help": "tokens in a window"})
    doc_stride: int = field(default=128, metadata={"help": "tokens between starts of windows"})
    null_threshold: float = field(default=0.0, metadata={"help": "squad2: lead of no answer"})
    save_predictions: str | None = field(default=None, metadata={"help": "write {id: text} here"})
    json: bool = field(default=False, metadata={"help": "print JSON"})

    def __post_init__(self) -> None:
        if self.task not in ("squad", "squad2"):
            raise DistillError(f"unknown task {self.task!r}; squad, squad2")
        if (self.model is None) == (self.predictions is None):
            raise DistillError("give either --model or --predictions")
        if self.limit is not None and self.limit < 1:
            raise DistillError(f"--limit must be at least 1, not {self.limit}")


@command(DistillError)
def main(argv: Sequence[str] | None = None) -> int:
    from transformers import HfArgumentParser

    parser = HfArgumentParser(EvaluateArguments, description=__doc__)  # type: ignore[arg-type]
    (arguments,) = parser.parse_args_into_dataclasses(list(argv) if argv is not None else None)
    report = evaluate(arguments)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        _print(report, arguments.predictions or arguments.model)
    return 0


def evaluate(arguments: EvaluateArguments) -> dict[str, Any]:
    """The metric of a model or a prediction file, with a bootstrap interval over the questions."""
    examples = spaced(squad.load_examples(_data(arguments)), arguments.limit)
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
        raise DistillError("name the data file with --data")
    return folder / "squad" / "dev-v1.1.json.gz"


def _predictions(arguments: EvaluateArguments, examples: Sequence[squad.Example]) -> dict[str, str]:
    if arguments.predictions:
        stored = squad.read_json(Path(arguments.predictions))
        if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
            raise DistillError(f"{arguments.predictions}: not a JSON object of id: answer text")
        return stored
    from distill.finetune import checkpoint_directory
    from distill.finetune_squad import load_model, load_tokenizer, predict

    directory = checkpoint_directory(str(arguments.model))
    features = squad.make_features(
        examples, load_tokenizer(directory), arguments.max_length, arguments.doc_stride
    )
    answers = squad.decode(
        examples,
        features,
        *predict(load_model(directory), features),
        allow_null=arguments.task == "squad2",
        null_threshold=arguments.null_threshold,
    )
    predictions = {key: best[0].text if best else "" for key, best in answers.items()}
    if arguments.save_predictions:
        from distill.atomic import atomic_file

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
