"""Features: the hidden states of the last layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.tasks.model_inputs import Text
from export.tasks.table_files import read_lines
from export.tasks.task import Answer, Outputs, Question, Reading, Run, Task, Workload, one_text


@dataclass(frozen=True)
class TokenFeatures(Answer):
    """A row of numbers for each token of the text."""

    text: str
    tokens: list[str]
    features: list[list[float]]

    def as_json(self) -> dict[str, object]:
        """Without copies of the many numbers."""
        return {"text": self.text, "tokens": self.tokens, "features": self.features}

    def words(self) -> list[str]:
        rows = self.features
        return [f"{len(rows)} tokens, {len(rows[0])} numbers each: {' '.join(self.tokens)}"]


@dataclass(frozen=True)
class Features(Task[str]):
    """Hidden states (1, length, width)."""

    name: str = "features"
    outputs: tuple[str, ...] = ("last_hidden_state",)
    architecture: str = "Model"
    auto_class: str = "AutoModel"
    data: str = "text, one input a line"
    output_words: tuple[str, ...] = ("hidden state of the last layer, by position",)
    per_token: bool = True
    asked: str = "--text TEXT --json"

    def read(self, path: Path) -> list[str]:
        return read_lines(path)

    def workload(self, examples: Sequence[str], reading: Reading) -> Workload:
        texts: list[Text] = [(text, None) for text in examples]
        return Workload(
            len(texts),
            reading.inputs(texts),
            texts,
            lambda _: {},
            lambda rows: [self.decide(row) for row in rows],
        )

    def decide(self, outputs: Outputs) -> Sequence[object] | None:
        return None

    def predict(self, question: Question, reading: Reading, run: Run) -> TokenFeatures:
        text = one_text(question, self.name)
        (encoding,) = reading.encodings([(text, None)])
        hidden = run(reading.padded(encoding.ids, encoding.type_ids))[self.outputs[0]][0]
        hidden = hidden[: len(encoding.ids)].astype(np.float64)
        return TokenFeatures(text, encoding.tokens, hidden.tolist())
