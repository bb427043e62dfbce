"""Masked language models: the likeliest words in the place of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from distill.tasks.statistics import Statistics, of_means
from export.tasks.model_inputs import Inputs, Text
from export.tasks.table_files import read_lines
from export.tasks.task import (
    Answer,
    Outputs,
    Question,
    Reading,
    Run,
    Task,
    Workload,
    one_text,
    softmax,
)

SHOWN = 5
EVERY = 7
"""Of the tokens of a text, every seventh is masked, one input each."""
MASKS = 8


@dataclass(frozen=True)
class TokenProbability:
    """A token and its probability in the place of a mask, 0 to 1."""

    token: str
    probability: float


@dataclass(frozen=True)
class FilledMasks(Answer):
    """The likeliest tokens in the place of each mask of the text."""

    text: str
    masks: list[list[TokenProbability]]

    def words(self) -> list[str]:
        return [
            ", ".join(f"{each.token} ({each.probability:.3f})" for each in mask)
            for mask in self.masks
        ]


@dataclass(frozen=True)
class MaskedLanguageModel(Task[str]):
    """Logits (1, length, vocabulary)."""

    name: str = "mlm"
    outputs: tuple[str, ...] = ("logits",)
    architecture: str = "ForMaskedLM"
    auto_class: str = "AutoModelForMaskedLM"
    data: str = "text, one input a line"
    output_words: tuple[str, ...] = ("score of each entry of the vocabulary, by position",)
    per_token: bool = True

    def read(self, path: Path) -> list[str]:
        return read_lines(path)

    def workload(self, examples: Sequence[str], reading: Reading) -> Workload:
        """Pseudo-perplexity: the exponential of the mean loss of masked tokens (Salazar et al.,
        arXiv 1910.14659), of up to `MASKS` tokens a line.

        Raises:
            UserError: no line has a token that can be masked, or the tokenizer has no mask.
        """
        mask = mask_id(reading)
        inputs: list[Inputs] = []
        places: list[tuple[int, int]] = []
        for encoding in reading.encodings([(text, None) for text in examples]):
            words = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
            for position in words[:: max(EVERY, len(words) // MASKS)][:MASKS]:
                ids = list(encoding.ids)
                places.append((position, ids[position]))
                ids[position] = mask
                inputs.append(reading.padded(ids, encoding.type_ids))

        def decide(rows: list[Outputs]) -> list[int]:
            pairs = zip(rows, places, strict=True)
            return [int(row["logits"][0, position].argmax()) for row, (position, _) in pairs]

        def losses(rows: list[Outputs]) -> np.ndarray:
            chances = [
                softmax(row["logits"][0, position])[token]
                for row, (position, token) in zip(rows, places, strict=True)
            ]
            return -np.log(np.maximum(chances, 1e-30))  # type: ignore[no-any-return]

        def measure(rows: list[Outputs]) -> dict[str, float]:
            return {"perplexity": float(np.exp(losses(rows).mean()))}

        def statistics(rows: list[Outputs]) -> Statistics:
            mean = of_means(losses(rows)[:, None], ("loss",))
            return replace(mean, metrics=lambda s: {"perplexity": np.exp(mean.metrics(s)["loss"])})

        if not inputs:
            raise UserError("no line has a token that can be masked")
        texts: list[Text] = [(text, None) for text in examples]
        return Workload(len(examples), inputs, texts, measure, decide, statistics)

    def predict(self, question: Question, reading: Reading, run: Run) -> FilledMasks:
        text, mask = one_text(question, self.name), mask_id(reading)
        (encoding,) = reading.encodings([(text, None)])
        places = [i for i, token in enumerate(encoding.ids) if token == mask]
        if not places:
            raise UserError(f"the text has no {reading.tokenizer.id_to_token(mask)} to fill")
        logits = run(reading.padded(encoding.ids, encoding.type_ids))["logits"][0]
        count = question.n_best if question.n_best > 1 else SHOWN
        return FilledMasks(text, [_likeliest(logits[i], count, reading) for i in places])


def mask_id(reading: Reading) -> int:
    """The id of the mask.

    Raises:
        UserError: the tokenizer has none.
    """
    mask = reading.settings.get("special_ids", {}).get("mask")
    if mask is None:
        raise UserError("the tokenizer of this bundle has no mask token")
    return int(mask)


def _likeliest(logits: np.ndarray, count: int, reading: Reading) -> list[TokenProbability]:
    chances = softmax(logits)
    order = np.argsort(-chances, kind="stable")[:count]
    return [TokenProbability(reading.tokenizer.decode([int(i)]), float(chances[i])) for i in order]
