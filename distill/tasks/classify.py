"""One's own classes or scores: labels by name, several a row, or a regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from distill.console.errors import UserError
from distill.tasks.glue import GlueExample
from distill.tasks.label_keys import label_key
from distill.tasks.metric_words import metric_title
from distill.tasks.options import TaskOptions
from distill.tasks.own_labels import PROBLEMS, SINGLE, label_table, names_in, number_in
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
            same = replace(options, text=list(texts), label=label)
            chosen_columns(scored, same, options.eval_data)
        else:
            train, scored = split_rows(rows, options.eval_share, lambda row: row.joined(texts))
        labels = label_table(train, label, options.problem)
        check_labelled(rows, label, none=labels.problem_type == MULTI_LABEL)
        if options.class_weights:
            labels = _weighed(labels, train, label)
        counts = {"examples": len(train), "scored_on": len(scored)}
        words = _columns_in_words(texts, label)
        notes = [f"{words}; {labels.problem_type}: {', '.join(labels.names) or 'a score'}"]
        taught = examples(train, texts, label, labels)
        if several := _with_other_labels(taught):
            notes.append(f"{several} training rows have the text of another one, and other labels")
        return Data(
            taught,
            {"dev": examples(scored, texts, label, labels)},
            labels,
            counts,
            tuple(notes),
            columns=texts,
        )

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[GlueExample]:
        if not options.data:
            raise UserError(f"name the data of {self.name} with --data")
        assert labels is not None
        rows = read_rows(options.data)
        texts, label = chosen_columns(rows, options, options.data)
        scored = {"dev": examples(rows, texts, label, labels)}
        words = _columns_in_words(texts, label)
        return Data([], scored, labels, notes=(words,), columns=texts)

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


def _columns_in_words(texts: Sequence[str], label: str) -> str:
    return f"text from {' and '.join(texts)}, label from {label}"


def _with_other_labels(pairs: Sequence[GlueExample]) -> int:
    """How many examples have the texts of an earlier one, and another label."""
    first: dict[tuple[str, str | None], Any] = {}
    return sum(first.setdefault((p.sentence1, p.sentence2), p.label) != p.label for p in pairs)


def _weighed(labels: Labels, rows: Sequence[Row], label: str) -> Labels:
    """Each class by rows / (classes * its rows), as scikit-learn's "balanced"."""
    several = labels.problem_type == MULTI_LABEL
    counts = Counter(
        n for row in rows for n in (names_in(row[label]) if several else [str(row[label]).strip()])
    )
    weights = [len(rows) / (labels.outputs * counts[name]) for name in labels.names]
    return Labels(labels.names, labels.problem_type, tuple(weights))


def examples(
    rows: Sequence[Row], texts: Sequence[str], label: str, labels: Labels
) -> list[GlueExample]:
    """Rows as examples; ``label`` a class, a score, or zeros and ones.

    Raises:
        UserError: a label that is not in the table, or an empty text; named with its row.
    """
    numbers = {label_key(name): number for number, name in enumerate(labels.names)}
    read = []
    for row in rows:
        words = texts_of(row, texts)
        value = _value(row.get(label), numbers, labels, row.place)
        read.append(GlueExample(words[0], words[1] if len(words) > 1 else None, value))
    return read


def _value(stated: object, numbers: Mapping[str, int], labels: Labels, place: str) -> Any:
    if stated is None:
        raise UserError(f"{place}: has no label")
    if labels.problem_type == REGRESSION:
        number = number_in(stated)
        if number is None:
            raise UserError(f"{place}: {stated!r} is not a number")
        return number
    several = labels.problem_type == MULTI_LABEL
    names = names_in(stated) if several else [str(stated).strip()]
    for name in names:
        if label_key(name) not in numbers:
            raise UserError(
                f"{place}: {name!r} is not a label (expected {' or '.join(labels.names)})"
            )
    indices = [numbers[label_key(name)] for name in names]
    if not several:
        return indices[0]
    return np.isin(np.arange(labels.outputs), indices).astype(float).tolist()
