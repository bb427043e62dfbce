"""Reranking: a score for a query and a passage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distill.console.errors import UserError
from distill.tasks.statistics import Statistics, of_means
from export.tasks.classify import probabilities
from export.tasks.model_inputs import Text
from export.tasks.table_files import column, read_rows
from export.tasks.task import Answer, Outputs, Question, Reading, Run, Task, Workload

if TYPE_CHECKING:
    from export.checkpoint.reading import Checkpoint

CUT = 10
"""MRR counts the first relevant passage among the first ten, as MS MARCO does."""


@dataclass(frozen=True)
class ScoredPassage:
    """A passage and its score: a logit, or a probability where the model has an activation."""

    text: str
    score: float


@dataclass(frozen=True)
class RankedPassages(Answer):
    """The passages, those with the highest score first."""

    query: str
    passages: list[ScoredPassage]

    def words(self) -> list[str]:
        return [f"{each.score:.4f}  {each.text}" for each in self.passages]


@dataclass(frozen=True)
class Rank(Task[tuple[str, str, float]]):
    """One logit (1, 1) of a query and a passage: a cross-encoder."""

    name: str = "rank"
    in_swift: bool = True
    rows: int | None = 1
    grouped: bool = True
    outputs: tuple[str, ...] = ("logits",)
    architecture: str = "ForSequenceClassification"
    auto_class: str = "AutoModelForSequenceClassification"
    data: str = "CSV, TSV or JSONL with query, passage and label (1: relevant)"
    output_words: tuple[str, ...] = ("score of the pair",)
    pairs: bool = True
    of_sentences: bool = True
    asked: str = "--text TEXT --passage FILE"

    def answers(self, checkpoint: Checkpoint) -> dict[str, str | None]:
        return {"problem_type": None, "activation": checkpoint.score_activation(rows=1)}

    def read(self, path: Path) -> list[tuple[str, str, float]]:
        rows = read_rows(path)
        query = column(rows, ("query", "question", "sentence1"), path)
        passage = column(rows, ("passage", "document", "text", "sentence", "sentence2"), path)
        label = column(rows, ("label", "relevance", "score"), path)
        try:
            return [(row[query], row[passage], float(row[label])) for row in rows]
        except ValueError as error:
            raise UserError(f"{path}: a label that is not a number ({error})") from None

    def workload(self, examples: Sequence[tuple[str, str, float]], reading: Reading) -> Workload:
        texts: list[Text] = [(query, passage) for query, passage, _ in examples]

        def decide(rows: list[Outputs]) -> list[int]:
            """The best passage of each query."""
            return [int(order[0]) for order in _orders(examples, rows).values()]

        def ranks_of(rows: list[Outputs]) -> list[float]:
            ranks = []
            for order in _orders(examples, rows).values():
                relevant = [place for place, i in enumerate(order[:CUT], 1) if examples[i][2] > 0]
                ranks.append(1 / relevant[0] if relevant else 0.0)
            return ranks

        def measure(rows: list[Outputs]) -> dict[str, float]:
            return {"mrr": 100 * float(np.mean(ranks_of(rows)))}

        def statistics(rows: list[Outputs]) -> Statistics:
            return of_means(100 * np.array(ranks_of(rows))[:, None], ("mrr",))

        return Workload(len(texts), reading.inputs(texts), texts, measure, decide, statistics)

    def decide(self, outputs: Outputs) -> Sequence[object] | None:
        return None

    def predict(self, question: Question, reading: Reading, run: Run) -> RankedPassages:
        if not question.candidates:
            raise UserError("ranking needs --passage TEXT|FILE|-, one passage a line")
        activation = str(reading.settings.get("activation") or "identity")
        inputs = reading.inputs(self.read_texts(question))
        logits = np.array([run(each)["logits"][0, 0] for each in inputs])
        scores = probabilities(logits, activation)
        order = np.argsort(-scores, kind="stable")
        passages = [ScoredPassage(question.candidates[i], float(scores[i])) for i in order]
        return RankedPassages(question.text, passages)

    def read_texts(self, question: Question) -> list[Text]:
        return [(question.text, passage) for passage in question.candidates]


def _orders(
    examples: Sequence[tuple[str, str, float]], rows: Sequence[Outputs]
) -> dict[str, list[int]]:
    """The examples of each query, the highest score first."""
    groups: dict[str, list[int]] = {}
    for index, (query, _, _) in enumerate(examples):
        groups.setdefault(query, []).append(index)
    return {
        query: sorted(group, key=lambda i: -float(rows[i]["logits"][0, 0]))
        for query, group in groups.items()
    }
