"""Classification of a text or of a pair: one label, several, or a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distill.console.errors import UserError
from distill.tasks.statistics import (
    Statistics,
    of_classes,
    of_correlations,
    of_means,
    shared_passages,
)
from export.tasks.model_inputs import Text
from export.tasks.samples import SINGLE
from export.tasks.table_files import column, read_rows
from export.tasks.task import Answer, Outputs, Question, Reading, Run, Task, Workload, softmax

if TYPE_CHECKING:
    from export.checkpoint.reading import Checkpoint

FIRST = ("sentence1", "sentence", "text", "question", "premise", "query", "review")
SECOND = ("sentence2", "text_pair", "hypothesis", "passage", "document")
LABEL = ("label", "labels", "score", "gold_label")
HYPOTHESIS = "This example is {}."
MULTI_LABEL_THRESHOLD = 0.5
PROBLEM_ACTIVATIONS = {
    "single_label_classification": "softmax",
    "multi_label_classification": "sigmoid",
    "regression": "identity",
}


@dataclass(frozen=True)
class LabelProbability:
    """A label and its probability, 0 to 1."""

    label: str
    probability: float


Decision = int | float | list[bool]
"""A class, the rounded number of a regression, or which of several labels hold."""


@dataclass(frozen=True)
class Labels(Answer):
    """Labels, the likeliest first."""

    labels: list[LabelProbability]

    def words(self) -> list[str]:
        return [f"{each.label}  (probability {each.probability:.3f})" for each in self.labels]


@dataclass(frozen=True)
class Values(Answer):
    """The numbers of a regression."""

    values: list[float]

    def words(self) -> list[str]:
        return [f"{value:.4f}" for value in self.values]


@dataclass(frozen=True)
class Classify(Task[tuple[Text, str]]):
    """Logits (1, classes) of a text or of a pair."""

    name: str = "classify"
    in_swift: bool = True
    one_label: bool = True
    outputs: tuple[str, ...] = ("logits",)
    architecture: str = "ForSequenceClassification"
    auto_class: str = "AutoModelForSequenceClassification"
    data: str = "CSV, TSV or JSONL with text (or sentence1, sentence2) and label"
    output_words: tuple[str, ...] = ("score of each class",)
    pairs: bool = True
    labelled: bool = True
    labels_in_words: bool = True

    def answers(self, checkpoint: Checkpoint) -> dict[str, str | None]:
        problem = checkpoint.config.problem_type or _problem_type(checkpoint)
        return {"problem_type": problem, "activation": PROBLEM_ACTIVATIONS[problem]}

    def samples(self) -> list[Text]:
        return [*super().samples(), *((text, None) for text in SINGLE)]

    def read(self, path: Path) -> list[tuple[Text, str]]:
        rows = read_rows(path)
        first, label = column(rows, FIRST, path), column(rows, LABEL, path)
        second = column(rows, SECOND, path, needed=False)
        return [((row[first], row[second] if second else None), row[label]) for row in rows]

    def workload(self, examples: Sequence[tuple[Text, str]], reading: Reading) -> Workload:
        texts: list[Text] = [text for text, _ in examples]

        def decide(rows: list[Outputs]) -> list[Decision]:
            return [_decision(row["logits"][0], reading) for row in rows]

        truth = _truth([label for _, label in examples], reading)
        return Workload(
            len(texts),
            reading.inputs(texts),
            texts,
            lambda rows: _measure(truth, rows, reading),
            decide,
            lambda rows: _statistics(truth, rows, reading, shared_passages(texts)),
        )

    def predict(self, question: Question, reading: Reading, run: Run) -> Labels | Values:
        if question.zero_shot:
            return Labels(_zero_shot(question, reading, run))
        logits = run(reading.inputs([(question.text, question.passage)])[0])["logits"][0]
        if _activation(reading) == "identity":
            return Values([float(value) for value in logits])
        chances = probabilities(logits, _activation(reading))
        names = reading.named_rows(len(logits))
        order = np.argsort(-chances, kind="stable")
        return Labels([LabelProbability(names[i], float(chances[i])) for i in order])

    def read_texts(self, question: Question) -> list[Text]:
        return _hypotheses(question) or super().read_texts(question)


def _problem_type(checkpoint: Checkpoint) -> str:
    """What the library takes where the configuration does not say it: `transformers` a regression
    for one row, else one label; a `CrossEncoder` with a sigmoid on several rows, several."""
    rows = len(checkpoint.config.labels)
    if rows == 1:
        return "regression"
    if checkpoint.cross_encoder and checkpoint.score_activation(rows) == "sigmoid":
        return "multi_label_classification"
    return "single_label_classification"


def probabilities(logits: np.ndarray, activation: str) -> np.ndarray:
    """``softmax``, ``sigmoid`` or ``identity`` of logits."""
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "softmax": softmax,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x.astype(np.float64))),
        "identity": lambda x: x.astype(np.float64),
    }
    return np.asarray(functions[activation](logits))


def _activation(reading: Reading) -> str:
    """The activation that model.json names; version 1 has none, and meant softmax."""
    return str(reading.settings.get("activation") or "softmax")


def _decision(logits: np.ndarray, reading: Reading) -> Decision:
    activation = _activation(reading)
    if activation == "softmax":
        return int(logits.argmax())
    if activation == "sigmoid":
        return [bool(p > MULTI_LABEL_THRESHOLD) for p in probabilities(logits, activation)]
    return round(float(logits[0]), 2)


def _truth(labels: Sequence[str], reading: Reading) -> Sequence[Decision]:
    """Labels of a file in the form of `_decision`: names or numbers of classes, a list of names for
    several labels, numbers for a regression.

    Raises:
        UserError: a label that the model does not have.
    """
    names, activation = reading.labels, _activation(reading)
    known = {name.lower(): index for index, name in enumerate(names)}

    def index(label: str) -> int:
        if label.strip().lower() in known:
            return known[label.strip().lower()]
        if label.strip().isdigit() and int(label) < max(len(names), 1):
            return int(label)
        raise UserError(f"{label!r} is not a label of this model (expected {', '.join(names)})")

    if activation == "softmax":
        return [index(label) for label in labels]
    if activation == "identity":
        try:
            return [float(label) for label in labels]
        except ValueError as error:
            raise UserError(f"the label of a regression is a number ({error})") from None
    rows = []
    for label in labels:
        chosen = {index(part.strip(' "')) for part in label.strip("[]").split(",") if part.strip()}
        rows.append([i in chosen for i in range(len(names))])
    return rows


def _measure(truth: Sequence[Decision], rows: list[Outputs], reading: Reading) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import accuracy_score, f1_score

    if _activation(reading) == "identity":
        values = [float(row["logits"][0, 0]) for row in rows]
        if len(set(truth)) < 2 or len(set(values)) < 2:
            return {"spearman": 0.0, "pearson": 0.0}
        return {
            "spearman": 100 * float(spearmanr(truth, values).statistic),
            "pearson": 100 * float(pearsonr(truth, values).statistic),
        }
    decided = [_decision(row["logits"][0], reading) for row in rows]
    return {
        "accuracy": 100 * float(accuracy_score(truth, decided)),
        "macro_f1": 100 * float(f1_score(truth, decided, average="macro", zero_division=0)),
    }


def _statistics(
    truth: Sequence[Decision], rows: list[Outputs], reading: Reading, passages: np.ndarray
) -> Statistics:
    """What intervals of `_measure` are computed from; of several labels, of their accuracy."""
    if _activation(reading) == "identity":
        values = np.array([float(row["logits"][0, 0]) for row in rows])
        return of_correlations(np.array(truth), values, ("spearman", "pearson"), passages)
    decided = [_decision(row["logits"][0], reading) for row in rows]
    if _activation(reading) == "softmax":
        true, found = np.array(truth), np.array(decided)
        classes = int(max(true.max(), found.max())) + 1
        return of_classes(true, found, classes, ("accuracy", "macro_f1"), passages)
    right = [100.0 * (a == b) for a, b in zip(truth, decided, strict=True)]
    return of_means(np.array(right)[:, None], ("accuracy",), passages)


def _hypotheses(question: Question) -> list[Text]:
    return [(question.text, HYPOTHESIS.format(name)) for name in question.zero_shot]


def _zero_shot(question: Question, reading: Reading, run: Run) -> list[LabelProbability]:
    """Labels in words by an NLI classifier: each becomes a hypothesis, and the probabilities are a
    softmax over the entailment logits, as the pipeline of `transformers` has it (Yin et al., arXiv
    1909.00161). One label alone is weighed against its own contradiction.

    Raises:
        UserError: the classifier has no label for entailment.
    """
    entailment = [i for i, name in enumerate(reading.labels) if name.lower().startswith("entail")]
    if question.passage is not None:
        raise UserError("--zero-shot is about one text; leave --passage out")
    if not entailment:
        raise UserError(
            f"--zero-shot needs an NLI classifier with a label entailment, not "
            f"{', '.join(reading.labels) or 'a model without labels'}"
        )
    pairs = _hypotheses(question)
    rows = np.stack([run(each)["logits"][0] for each in reading.inputs(pairs)])
    logits = rows[:, entailment[0]]
    if len(pairs) == 1:
        contradiction = 0 if entailment[0] else -1  # where the pipeline looks for it
        logits = np.array([logits[0], rows[0, contradiction]])
    chances = softmax(logits)[: len(pairs)]
    return [
        LabelProbability(question.zero_shot[i], float(chances[i]))
        for i in np.argsort(-chances, kind="stable")
    ]
