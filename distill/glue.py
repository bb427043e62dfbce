"""The nine GLUE tasks (arXiv 1804.07461): rows of the official files, and the official metrics."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill import DistillError


@dataclass(frozen=True)
class GlueExample:
    """One or two sentences; ``label`` is a class index, or a score for STS-B."""

    sentence1: str
    sentence2: str | None
    label: float


@dataclass(frozen=True)
class GlueTask:
    """Columns of the official TSV, by header name or by index where it has no header.

    ``labels`` are the classes in order; none for a regression. ``metrics`` are the official ones,
    in percent; the score of a task is their mean.
    """

    folder: str
    sentence1: str | int
    sentence2: str | int | None
    label: str | int
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    splits: tuple[str, ...] = ("dev",)


BINARY = ("0", "1")
ENTAILMENT = ("entailment", "not_entailment")
MNLI = ("contradiction", "entailment", "neutral")
TASKS: dict[str, GlueTask] = {
    "cola": GlueTask("CoLA", 3, None, 1, BINARY, ("matthews",)),
    "mnli": GlueTask(
        "MNLI",
        "sentence1",
        "sentence2",
        "gold_label",
        MNLI,
        ("accuracy",),
        ("dev_matched", "dev_mismatched"),
    ),
    "mrpc": GlueTask("MRPC", "#1 String", "#2 String", "Quality", BINARY, ("accuracy", "f1")),
    "qnli": GlueTask("QNLI", "question", "sentence", "label", ENTAILMENT, ("accuracy",)),
    "qqp": GlueTask("QQP", "question1", "question2", "is_duplicate", BINARY, ("accuracy", "f1")),
    "rte": GlueTask("RTE", "sentence1", "sentence2", "label", ENTAILMENT, ("accuracy",)),
    "sst2": GlueTask("SST-2", "sentence", None, "label", BINARY, ("accuracy",)),
    "stsb": GlueTask("STS-B", "sentence1", "sentence2", "score", (), ("pearson", "spearman")),
    "wnli": GlueTask("WNLI", "sentence1", "sentence2", "label", BINARY, ("accuracy",)),
}


def task_named(name: str) -> GlueTask:
    """Raises:
    DistillError: no such task.
    """
    task = TASKS.get(name.lower().replace("-", ""))
    if task is None:
        raise DistillError(f"unknown GLUE task {name!r}; choose from {', '.join(TASKS)}")
    return task


def load_examples(task: str, split: str, directory: Path) -> list[GlueExample]:
    """Rows of ``<directory>/<task's folder>/<split>.tsv``, plain or gzipped.

    Raises:
        DistillError: unknown task, no such file, or a row that is not in the format.
    """
    described = task_named(task)
    folder = directory / described.folder
    paths = [folder / f"{split}.tsv", folder / f"{split}.tsv.gz"]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise DistillError(f"{paths[0]}: no such file")
    return read_examples(described, path)


def read_examples(task: GlueTask, path: Path) -> list[GlueExample]:
    """All rows of one TSV file; quotes are text, as in the official files.

    Raises:
        DistillError: a column is missing, or a row is broken; named with its line.
    """
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except FileNotFoundError:
        raise DistillError(f"{path}: no such file") from None
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise DistillError(f"{path}: not a text file ({error})") from None
    rows = list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    columns = _columns(task, rows, path)
    first = 1 if isinstance(task.label, str) else 0
    examples = [
        _example(task, columns, row, f"{path}, line {number}")
        for number, row in enumerate(rows[first:], first + 1)
    ]
    if not examples:
        raise DistillError(f"{path}: holds no row")
    return examples


def _columns(task: GlueTask, rows: list[list[str]], path: Path) -> list[int | None]:
    wanted = (task.sentence1, task.sentence2, task.label)
    if isinstance(task.label, int):
        return list(wanted)  # type: ignore[arg-type]
    header = rows[0] if rows else []
    for name in wanted:
        if name is not None and name not in header:
            raise DistillError(f"{path}: has no column {name!r}")
    return [None if name is None else header.index(str(name)) for name in wanted]


def _example(task: GlueTask, columns: list[int | None], row: list[str], place: str) -> GlueExample:
    first, second, label = columns
    assert first is not None and label is not None
    try:
        sentence2 = None if second is None else row[second]
        value = task.labels.index(row[label]) if task.labels else float(row[label])
        return GlueExample(row[first], sentence2, value)
    except IndexError:
        raise DistillError(f"{place}: has only {len(row)} columns") from None
    except ValueError:
        raise DistillError(f"{place}: {row[label]!r} is no label") from None


def score(task: str, labels: Sequence[float], predictions: Sequence[float]) -> dict[str, float]:
    """The task's metrics in percent, and ``score``, their mean.

    Args:
        labels: class indices, or scores.
        predictions: likewise, in the same order.
    """
    measured = {
        name: 100 * _METRICS[name](np.asarray(labels), np.asarray(predictions))
        for name in task_named(task).metrics
    }
    return {**measured, "score": float(np.mean(list(measured.values())))}


def macro_score(scores: dict[str, float]) -> float:
    """The mean over tasks, as the paper computes it (arXiv 1910.01108, table 1)."""
    return float(np.mean(list(scores.values())))


def _accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, predictions))


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions))


def _matthews(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(labels, predictions))


def _pearson(labels: np.ndarray, predictions: np.ndarray) -> float:
    from scipy.stats import pearsonr

    return float(pearsonr(labels, predictions).statistic)


def _spearman(labels: np.ndarray, predictions: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(labels, predictions).statistic)


_METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
