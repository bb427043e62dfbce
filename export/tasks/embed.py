"""Sentence embeddings: one vector a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from distill.tasks.statistics import Statistics, of_correlations, shared_passages
from export.tasks.model_inputs import Text
from export.tasks.table_files import column, read_rows
from export.tasks.task import Answer, Outputs, Question, Reading, Run, Task, Workload


@dataclass(frozen=True)
class Embedding(Answer):
    """The embedding of a text."""

    text: str
    embedding: list[float]

    def words(self) -> list[str]:
        vector = np.array(self.embedding)
        first = ", ".join(f"{value:.4f}" for value in vector[:8])
        return [f"{len(vector)} numbers, length {np.linalg.norm(vector):.3f}: {first}, …"]


@dataclass(frozen=True)
class Neighbour:
    """A candidate and its similarity to the text: a cosine, or a dot product."""

    text: str
    similarity: float


@dataclass(frozen=True)
class Nearest(Answer):
    """The candidates, those most similar to the text first."""

    text: str
    nearest: list[Neighbour]

    def words(self) -> list[str]:
        return [f"{each.similarity:.4f}  {each.text}" for each in self.nearest]


@dataclass(frozen=True)
class Embed(Task[tuple[str, str, float]]):
    """An embedding (1, width)."""

    name: str = "embed"
    in_swift: bool = True
    outputs: tuple[str, ...] = ("embedding",)
    architecture: str = "Model"
    auto_class: str = "AutoModel"
    data: str = "CSV, TSV or JSONL with sentence1, sentence2 and score, such as STS-B"
    output_words: tuple[str, ...] = ("sentence embedding",)
    of_sentences: bool = True

    def read(self, path: Path) -> list[tuple[str, str, float]]:
        rows = read_rows(path)
        first, second = column(rows, ("sentence1",), path), column(rows, ("sentence2",), path)
        score = column(rows, ("score", "label"), path)
        try:
            return [(row[first], row[second], float(row[score])) for row in rows]
        except ValueError as error:
            raise UserError(f"{path}: a score that is not a number ({error})") from None

    def workload(self, examples: Sequence[tuple[str, str, float]], reading: Reading) -> Workload:
        sentences = list(dict.fromkeys(s for a, b, _ in examples for s in (a, b)))
        index = {sentence: i for i, sentence in enumerate(sentences)}
        texts: list[Text] = [(sentence, None) for sentence in sentences]

        def similarities(rows: list[Outputs]) -> list[float]:
            vectors = [row["embedding"][0] for row in rows]
            return [
                similarity(vectors[index[a]], vectors[index[b]], reading) for a, b, _ in examples
            ]

        def measure(rows: list[Outputs]) -> dict[str, float]:
            from scipy.stats import spearmanr

            values, scores = similarities(rows), [score for _, _, score in examples]
            if len(set(values)) < 2 or len(set(scores)) < 2:
                return {"spearman": 0.0}
            return {"spearman": 100 * float(spearmanr(scores, values).statistic)}

        def decide(rows: list[Outputs]) -> list[float]:
            return [round(value, 2) for value in similarities(rows)]

        def statistics(rows: list[Outputs]) -> Statistics:
            scores = np.array([score for _, _, score in examples])
            passages = shared_passages([(a, b) for a, b, _ in examples])
            return of_correlations(scores, np.array(similarities(rows)), ("spearman",), passages)

        inputs = reading.inputs(texts)
        return Workload(len(examples), inputs, texts, measure, decide, statistics)

    def decide(self, outputs: Outputs) -> Sequence[object] | None:
        return None

    def predict(self, question: Question, reading: Reading, run: Run) -> Embedding | Nearest:
        vectors = [run(each)["embedding"][0] for each in reading.inputs(self.read_texts(question))]
        if question.passage is None:
            return Embedding(question.text, [float(x) for x in vectors[0]])
        if not question.candidates:
            raise UserError("--passage has no sentences to compare with")
        scores = [similarity(vectors[0], vector, reading) for vector in vectors[1:]]
        order = np.argsort(-np.array(scores), kind="stable")[: max(question.n_best, 1)]
        nearest = [Neighbour(question.candidates[i], scores[i]) for i in order]
        return Nearest(question.text, nearest)

    def read_texts(self, question: Question) -> list[Text]:
        return [(text, None) for text in (question.text, *question.candidates)]


def similarity(first: np.ndarray, second: np.ndarray, reading: Reading) -> float:
    """The bundle's similarity of two vectors: their dot product, or else their cosine."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    if reading.settings.get("similarity") == "dot":
        return float(a @ b)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
