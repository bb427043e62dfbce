"""One's own classes or scores: labels by name, several a row, or a regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from distill.console.errors import UserError
from distill.tasks.glue import GlueExample
from distill.tasks.metric_words import metric_title
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import (
    Row,
    check_labelled,
    chosen_columns,
    read_rows,
    split_rows,
    texts_of,
)
from distill.tasks.sentences import (
    MULTI_LABEL,
    REGRESSION,
    SentenceTask,
    TextFeature,
    decided,
    labelled,
    passages_of,
)
from distill.tasks.statistics import Statistics, of_classes, of_correlations, of_counts
from distill.tasks.task import Data, Labels, Scored

SINGLE = "single_label_classification"
PROBLEMS = {"single_label": SINGLE, "multi_label": MULTI_LABEL, "regression": REGRESSION}
SEPARATOR = "|"  # of the labels of a row in a table
METRICS = {
    SINGLE: ("accuracy", "macro_f1"),
    REGRESSION: ("pearson", "spearman"),
    MULTI_LABEL: ("precision", "recall", "f1"),
}
MAIN = {SINGLE: "macro_f1", REGRESSION: "spearman", MULTI_LABEL: "f1"}


class Classify(SentenceTask):
    """`--task classify --data train.csv`; ``score`` is macro F1, Spearman's correlation, or the
    micro F1 of several labels a row."""

    takes = frozenset(
        {"data", "eval_data", "eval_share", "text", "label", "problem", "class_weights"}
    )

    def complete(self, options: TaskOptions) -> None:
        super().complete(options)
        if options.problem not in ("auto", *PROBLEMS):
            raise UserError(
                f"--problem must be auto or {', '.join(PROBLEMS)}, not {options.problem}"
            )

    def metric_in_words(self, labels: Labels | None) -> str:
        assert labels is not None
        return metric_title(MAIN[labels.problem_type])

    def read(self, options: TaskOptions) -> Data[GlueExample]:
        if not options.data:
            raise UserError(f"name the training data of {self.name} with --data")
        rows = read_rows(options.data, training=True)
        texts, label = chosen_columns(rows, options, options.data)
        if options.eval_data:
            train, scored = rows, read_rows(options.eval_data)
            chosen_columns(scored, options, options.eval_data)
        else:
            train, scored = split_rows(rows, options.eval_share, texts)
        labels = _labels(train, label, options)
        check_labelled(rows, label, options.data, none=labels.problem_type == MULTI_LABEL)
        if options.class_weights:
            labels = _weighed(labels, train, label)
        counts = {"examples": len(train), "scored_on": len(scored)}
        columns = f"text from {' and '.join(texts)}, label from {label}"
        note = f"{columns}; {labels.problem_type}: {', '.join(labels.names) or 'a score'}"
        return Data(
            examples(train, texts, label, labels, options.data),
            {"dev": examples(scored, texts, label, labels, options.eval_data or options.data)},
            labels,
            counts,
            (note,),
        )

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[GlueExample]:
        if not options.data:
            raise UserError(f"name the data of {self.name} with --data")
        assert labels is not None
        rows = read_rows(options.data)
        texts, label = chosen_columns(rows, options, options.data)
        return Data([], {"dev": examples(rows, texts, label, labels, options.data)}, labels)

    def score(
        self,
        data: Data[GlueExample],
        features: Mapping[str, Sequence[TextFeature]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        labels, truth = self.table(data), labelled(features)["dev"]
        answers = decided(logits["dev"], labels)
        passages = passages_of(data.scored["dev"])
        statistics = _statistics(truth, answers, labels, passages)
        return Scored(
            {**statistics.whole(), "total": len(truth)},
            {"dev": statistics},
            {"dev": answers.tolist()},
        )


def _statistics(
    truth: np.ndarray, answers: np.ndarray, labels: Labels, passages: np.ndarray
) -> Statistics:
    problem = labels.problem_type
    if problem == REGRESSION:
        base = of_correlations(truth, answers, METRICS[problem], passages)
    elif problem == MULTI_LABEL:
        both = (truth > 0) & (answers > 0)
        counts = np.stack([both.sum(1), (answers > 0).sum(1), (truth > 0).sum(1)], 1)
        base = of_counts(counts, passages)
    else:
        base = of_classes(truth, answers, labels.outputs, METRICS[problem], passages)
    return base.with_score(MAIN[problem])


def _names(value: object) -> list[str]:
    """The labels of one row that may have several."""
    parts = value if isinstance(value, list) else str(value).split(SEPARATOR)
    return [str(part).strip() for part in parts if str(part).strip()]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _labels(rows: Sequence[Row], label: str, options: TaskOptions) -> Labels:
    values = [row.get(label) for row in rows]
    values = [value for value in values if value is not None and str(value).strip()]
    problem = PROBLEMS.get(options.problem)
    if problem is None:
        several = any(isinstance(v, list) or SEPARATOR in str(v) for v in values)
        fractions = [n for v in values if (n := _number(v)) is not None and n != int(n)]
        scores = fractions and all(_number(v) is not None for v in values)
        problem = MULTI_LABEL if several else REGRESSION if scores else SINGLE
    if problem == REGRESSION:
        return Labels((), problem)
    names = {n for v in values for n in (_names(v) if problem == MULTI_LABEL else [str(v).strip()])}
    numbers = all(name.lstrip("-").isdigit() for name in names)
    ordered = sorted(names, key=int) if numbers else sorted(names)
    for one, other in pairwise(sorted(names, key=str.casefold)):
        if one.casefold() == other.casefold():
            raise UserError(f"the labels {one} and {other} differ in case alone")
    if len(ordered) < 2:
        only = f"only the label {ordered[0]}" if ordered else "no label in any row"
        raise UserError(f"the column {label} has {only}")
    return Labels(tuple(ordered), problem)


def _weighed(labels: Labels, rows: Sequence[Row], label: str) -> Labels:
    """Each class by rows / (classes * its rows), as scikit-learn's "balanced"."""
    several = labels.problem_type == MULTI_LABEL
    counts = Counter(
        n for row in rows for n in (_names(row[label]) if several else [str(row[label]).strip()])
    )
    weights = [len(rows) / (labels.outputs * counts[name]) for name in labels.names]
    return Labels(labels.names, labels.problem_type, tuple(weights))


def examples(
    rows: Sequence[Row], texts: Sequence[str], label: str, labels: Labels, path: str
) -> list[GlueExample]:
    """Rows as examples; ``label`` a class, a score, or zeros and ones.

    Raises:
        UserError: a label that is not in the table, or an empty text; named with its row.
    """
    folded = {name.casefold(): number for number, name in enumerate(labels.names)}
    read = []
    for number, row in enumerate(rows, 1):
        place = f"{path}, row {number}"
        words = texts_of(row, texts, place)
        value = _value(row.get(label), folded, labels, place)
        read.append(GlueExample(words[0], words[1] if len(words) > 1 else None, value))
    return read


def _value(stated: object, numbers: Mapping[str, int], labels: Labels, place: str) -> Any:
    if stated is None:
        raise UserError(f"{place}: has no label")
    if labels.problem_type == REGRESSION:
        number = _number(stated)
        if number is None:
            raise UserError(f"{place}: {stated!r} is not a number")
        return number
    several = labels.problem_type == MULTI_LABEL
    names = _names(stated) if several else [str(stated).strip()]
    for name in names:
        if name.casefold() not in numbers:
            raise UserError(
                f"{place}: {name!r} is not a label (expected {' or '.join(labels.names)})"
            )
    indices = [numbers[name.casefold()] for name in names]
    if not several:
        return indices[0]
    return np.isin(np.arange(labels.outputs), indices).astype(float).tolist()
