"""Token classification: entities with their characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from distill.tasks.statistics import Statistics, of_counts
from export.tasks.model_inputs import Text
from export.tasks.table_files import read_tagged
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

OUTSIDE = "O"
Tagged = tuple[list[str], list[str]]
"""Words, and a tag for each."""


@dataclass(frozen=True)
class Entity:
    """``text`` is what the characters from ``start`` to before ``end`` are; ``probability`` that
    of its least likely token."""

    label: str
    probability: float
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Entities(Answer):
    """The entities of a text, in its order."""

    text: str
    entities: list[Entity]

    def words(self) -> list[str]:
        return [
            f"{e.text}  {e.label}  (probability {e.probability:.2f}, characters {e.start}:{e.end})"
            for e in self.entities
        ] or ["no entities"]


@dataclass(frozen=True)
class TokenClassification(Task[Tagged]):
    """Logits (1, length, labels)."""

    name: str = "tokens"
    in_swift: bool = True
    outputs: tuple[str, ...] = ("logits",)
    architecture: str = "ForTokenClassification"
    auto_class: str = "AutoModelForTokenClassification"
    data: str = "CoNLL: a word and its tag a line, a blank line between sentences"
    output_words: tuple[str, ...] = ("score of each label, by position",)
    per_token: bool = True
    labelled: bool = True

    def read(self, path: Path) -> list[Tagged]:
        return read_tagged(path)

    def workload(self, examples: Sequence[Tagged], reading: Reading) -> Workload:
        """Words are joined by blanks; the tag of a word is that of its first token.

        Raises:
            UserError: a tag that is not among the model's labels.
        """
        unknown = {tag for _, tags in examples for tag in tags} - set(reading.labels)
        if unknown:
            raise UserError(
                f"{min(unknown)!r} is not a label of this model "
                f"(expected {', '.join(reading.labels)})"
            )
        texts: list[Text] = [(" ".join(words), None) for words, _ in examples]
        encodings = reading.encodings(texts)
        firsts = [
            _first_tokens(words, e.offsets)
            for (words, _), e in zip(examples, encodings, strict=True)
        ]

        def decide(rows: list[Outputs]) -> list[list[str]]:
            return [
                [_tag(row["logits"][0], first, reading) for first in positions]
                for row, positions in zip(rows, firsts, strict=True)
            ]

        def measure(rows: list[Outputs]) -> dict[str, float]:
            from seqeval.metrics import f1_score

            truth = [tags for _, tags in examples]
            return {"entity_f1": 100 * float(f1_score(truth, decide(rows), zero_division=0))}

        def statistics(rows: list[Outputs]) -> Statistics:
            from distill.tasks.tokens import entity_counts

            counts = of_counts(entity_counts([tags for _, tags in examples], decide(rows)))
            return replace(counts, metrics=lambda sums: {"entity_f1": counts.metrics(sums)["f1"]})

        return Workload(len(texts), reading.inputs(texts), texts, measure, decide, statistics)

    def predict(self, question: Question, reading: Reading, run: Run) -> Entities:
        text = one_text(question, self.name)
        (encoding,) = reading.encodings([(text, None)])
        logits = run(reading.padded(encoding.ids, encoding.type_ids))["logits"][0]
        chances = softmax(logits[: len(encoding.ids)])
        names = reading.named_rows(logits.shape[-1])
        tagged = [
            (names[int(row.argmax())], float(row.max()), start, end, word)
            for row, (start, end), special, word in zip(
                chances,
                encoding.offsets,
                encoding.special_tokens_mask,
                encoding.word_ids,
                strict=True,
            )
            if not special
        ]
        return Entities(text, _entities(tagged, text))


def _first_tokens(words: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[int | None]:
    """The position of each word's first token in a text of words joined by blanks; None for words
    that were cut off."""
    positions: list[int | None] = []
    at = 0
    for word in words:
        end = at + len(word)
        inside = (i for i, (low, high) in enumerate(offsets) if low < end and high > at)
        positions.append(next(inside, None))
        at = end + 1
    return positions


def _tag(logits: np.ndarray, position: int | None, reading: Reading) -> str:
    return OUTSIDE if position is None else reading.labels[int(logits[position].argmax())]


def _entities(tagged: Sequence[tuple[str, float, int, int, int | None]], text: str) -> list[Entity]:
    """Neighbouring tokens of one kind, joined; a ``B-`` begins a new entity, and later tokens of a
    word belong to its first."""
    entities: list[Entity] = []
    word_before: int | None = None
    open_entity = False
    for label, chance, start, end, word in tagged:
        prefix, dash, kind = label.partition("-")
        kind = kind if dash else label
        same_word = word is not None and word == word_before
        word_before = word
        if same_word:
            if open_entity:
                entities[-1] = _until(entities[-1], end, text)
            continue
        joined = open_entity and entities[-1].label == kind and not (dash and prefix == "B")
        open_entity = label != OUTSIDE
        if joined:
            longer = _until(entities[-1], end, text)
            entities[-1] = replace(longer, probability=min(longer.probability, chance))
        elif open_entity:
            entities.append(Entity(kind, chance, start, end, text[start:end]))
    return entities


def _until(entity: Entity, end: int, text: str) -> Entity:
    return replace(entity, end=end, text=text[entity.start : end])
