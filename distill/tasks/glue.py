"""The nine GLUE tasks (arXiv 1804.07461): rows of the official files, and the official metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.console.bounded_files import read_text
from distill.console.errors import UserError
from distill.corpus import hub

HUB_DATASET = "nyu-mll/glue"
HIGHEST_SCORE = 5.0  # of STS-B; its lowest is 0


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
    in percent; the score of a task is their mean. ``ragged``: the official training file has rows
    cut short, which the benchmark's own reader drops.
    """

    folder: str
    sentence1: str | int
    sentence2: str | int | None
    label: str | int
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    splits: tuple[str, ...] = ("dev",)
    ragged: bool = False


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
    "qqp": GlueTask(
        "QQP",
        "question1",
        "question2",
        "is_duplicate",
        BINARY,
        ("accuracy", "f1"),
        ragged=True,
    ),
    "rte": GlueTask("RTE", "sentence1", "sentence2", "label", ENTAILMENT, ("accuracy",)),
    "sst2": GlueTask("SST-2", "sentence", None, "label", BINARY, ("accuracy",)),
    "stsb": GlueTask("STS-B", "sentence1", "sentence2", "score", (), ("pearson", "spearman")),
    "wnli": GlueTask("WNLI", "sentence1", "sentence2", "label", BINARY, ("accuracy",)),
}


def task_named(name: str) -> GlueTask:
    """The task called ``name`` in any spelling: ``sst2``, ``SST-2``.

    Raises:
        UserError: no such task.
    """
    task = TASKS.get(name.lower().replace("-", ""))
    if task is None:
        raise UserError(f"unknown GLUE task {name!r}; choose from {', '.join(TASKS)}")
    return task


def load_examples(task: str, split: str, directory: Path | str) -> list[GlueExample]:
    """Rows of ``<directory>/<task's folder>/<split>.tsv``, plain or gzipped, or of the hub's data
    set where ``directory`` is ``"hub"``.

    Raises:
        UserError: unknown task, no such file, or a row that is not in the format.
    """
    described = task_named(task)
    if directory == hub.NAME:
        return _from_hub(described, task.lower().replace("-", ""), split)
    folder = Path(directory) / described.folder
    paths = [folder / f"{split}.tsv", folder / f"{split}.tsv.gz"]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise UserError(f"{paths[0]}: no such file, plain or .gz; name its folder with --data")
    return read_examples(described, path)


def read_examples(task: GlueTask, path: Path) -> list[GlueExample]:
    """All rows of one TSV file; quotes are text, as in the official files.

    Raises:
        UserError: a column is missing, or a row is broken; named with its line.
    """
    # Split by hand: with quotes as text, `csv` would only add its own idea of a line end.
    rows = [line.rstrip("\r").split("\t") for line in read_text(path).split("\n")]
    if rows[-1] == [""]:
        rows.pop()
    columns = _columns(task, rows, path)
    first = 1 if isinstance(task.label, str) else 0
    widest = max(column for column in columns if column is not None)
    examples = [
        _example(task, columns, row, f"{path}, line {number}")
        for number, row in enumerate(rows[first:], first + 1)
        if not (task.ragged and len(row) <= widest)
    ]
    if not examples:
        raise UserError(f"{path}: has no rows")
    return examples


def _columns(task: GlueTask, rows: list[list[str]], path: Path) -> list[int | None]:
    """Indices of sentence1, sentence2 and label."""
    if not rows:
        raise UserError(f"{path}: has no rows")
    columns: list[int | None] = []
    for name in (task.sentence1, task.sentence2, task.label):
        if isinstance(name, str) and name not in rows[0]:
            raise UserError(f"{path}, line 1: has no column {name!r}, only {rows[0]}")
        columns.append(rows[0].index(name) if isinstance(name, str) else name)
    return columns


def _example(task: GlueTask, columns: list[int | None], row: list[str], place: str) -> GlueExample:
    first, second, label = columns
    assert first is not None and label is not None
    try:
        sentence2 = None if second is None else row[second]
        return GlueExample(row[first], sentence2, _label(task, row[label], place))
    except IndexError:
        raise UserError(f"{place}: has only {len(row)} columns") from None


def _label(task: GlueTask, text: str, place: str) -> float:
    if task.labels:
        if text not in task.labels:
            raise UserError(
                f"{place}: {text!r} is not a label (expected {' or '.join(task.labels)})"
            )
        return task.labels.index(text)
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{place}: {text!r} is not a number") from None
    if not 0 <= value <= HIGHEST_SCORE:  # false for nan too
        raise UserError(f"{place}: the score {text} is not between 0 and {HIGHEST_SCORE:g}")
    return value


def _from_hub(task: GlueTask, config: str, split: str) -> list[GlueExample]:
    rows, names = hub.load_rows(HUB_DATASET, config, split.replace("dev", "validation"))
    sentences = [name for name in rows[0] if name not in ("label", "idx")]
    examples = []
    for number, row in enumerate(rows):
        # The hub orders the classes of MNLI in its own way, but names them as the files do.
        known = names and set(names) == set(task.labels) and 0 <= row["label"] < len(names)
        label = names[row["label"]] if known else str(row["label"])
        value = _label(task, label, f"{HUB_DATASET} {config} {split}, row {number}")
        texts = [row[name] for name in sentences]
        examples.append(GlueExample(texts[0], texts[1] if len(texts) > 1 else None, value))
    return examples


def score(task: str, labels: Sequence[float], predictions: Sequence[float]) -> dict[str, float]:
    """The task's metrics in percent, and ``score``, their mean.

    Args:
        labels: class indices, or scores.
        predictions: likewise, in the same order.
    """
    return measure(task_named(task).metrics, labels, predictions)


def measure(
    metrics: Sequence[str], labels: Sequence[float], predictions: Sequence[float]
) -> dict[str, float]:
    """The named metrics in percent, and ``score``, their mean."""
    measured = {
        name: 100 * _METRICS[name](np.asarray(labels), np.asarray(predictions)) for name in metrics
    }
    return {**measured, "score": float(np.mean(list(measured.values())))}


def macro_score(scores: dict[str, float]) -> float:
    """The plain mean over tasks, WNLI among them, one score each: with nine of them, what the
    paper reports (arXiv 1910.01108, table 1: 77.0 for DistilBERT)."""
    return float(np.mean(list(scores.values())))


def _accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, predictions))


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions, zero_division=0))


def _matthews(labels: np.ndarray, predictions: np.ndarray) -> float:
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(labels, predictions))


def _pearson(labels: np.ndarray, predictions: np.ndarray) -> float:
    from scipy.stats import pearsonr

    return 0.0 if _constant(labels, predictions) else float(pearsonr(labels, predictions).statistic)


def _spearman(labels: np.ndarray, predictions: np.ndarray) -> float:
    from scipy.stats import spearmanr

    if _constant(labels, predictions):
        return 0.0
    return float(spearmanr(labels, predictions).statistic)


def _constant(*values: np.ndarray) -> bool:
    """A model that always gives the same answer has no correlation; NaN would not be valid JSON
    either."""
    return any(np.ptp(array) == 0 for array in values)


_METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
