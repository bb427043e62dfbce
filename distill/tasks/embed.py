"""Sentence embeddings: pairs with a score, or plain text with a teacher."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModel

from distill.console.errors import UserError
from distill.losses.embeddings import embedding_distance, pair_loss
from distill.models.embedder import Embedder, load_embedder, principal_directions, with_directions
from distill.models.loading import load_auto_tokenizer
from distill.tasks.classify import examples
from distill.tasks.glue import GlueExample
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import (
    Row,
    chosen_columns,
    is_plain,
    plain_texts,
    read_rows,
    read_texts,
    split_rows,
)
from distill.tasks.sentences import REGRESSION, note_cut, passages_of
from distill.tasks.statistics import of_correlations
from distill.tasks.task import Batch, Data, Labels, Scored, Task

if TYPE_CHECKING:
    from transformers import Trainer

    from distill.models.embedder import Model

SCORES = Labels((), REGRESSION)
PAIR = ("sentence1", "sentence2")
MOST_TEXTS = 4096  # that principal directions are found from
WEAK_TEACHER = 20.0


@dataclass(frozen=True)
class TextIds:
    """One text as ids."""

    input_ids: list[int]
    token_type_ids: list[int] | None


@dataclass(frozen=True)
class EmbedFeature:
    """The texts of a row, one or two, each as ids, and the score of a pair, else NaN."""

    texts: tuple[TextIds, ...]
    label: float

    @property
    def input_ids(self) -> list[int]:
        """The ids of all its texts: they say what the row costs, and tell it from others."""
        return [number for text in self.texts for number in text.input_ids]

    token_type_ids = None


class Embed(Task[GlueExample, EmbedFeature]):
    """`--task embed`; ``spearman``: of the cosines of pairs with their scores."""

    takes = frozenset({"data", "eval_data", "eval_share", "text", "label"})
    metric = "spearman"
    kind = AutoModel
    matches_layers = False
    of_sentence_transformers = True

    def read(self, options: TaskOptions) -> Data[GlueExample]:
        path = self.own_data(options)
        if is_plain(path):
            train = [GlueExample(text, None, math.nan) for text in plain_texts(path)]
            scored = _pairs(options.eval_data, options)[0] if options.eval_data else []
            note = f"{path}: plain text, which a teacher alone embeds"
        else:
            rows = read_rows(path, training=True)
            kept = rows
            held: list[Row] = []
            if not options.eval_data:
                texts = _texts(rows, options, path)
                kept, held = split_rows(rows, options.eval_share, lambda row: row.joined(texts))
            train, note = _pairs(path, options, kept)
            train = scaled(train)
            scored = _pairs(options.eval_data or path, options, held or None)[0]
        counts = {"examples": len(train), "scored_on": len(scored)}
        return Data(train, {"dev": scored} if scored else {}, SCORES, counts, (note,))

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[GlueExample]:
        pairs, words = _pairs(self.own_data(options), options)
        return Data([], {"dev": pairs}, SCORES, notes=(words,))

    def read_unlabelled(
        self, path: str, options: TaskOptions, data: Data[GlueExample]
    ) -> list[GlueExample]:
        """As many texts a row as the training data has: each is taught by itself. The last text
        stands twice where one is missing."""
        named = [] if is_plain(options.data or "") else options.text
        texts = [text for row in read_texts(path, named) for text in row]
        if data.train[0].sentence2 is None:
            return [GlueExample(text, None, math.nan) for text in texts]
        texts += texts[-1:] * (len(texts) % 2)
        pairs = zip(texts[::2], texts[1::2], strict=True)
        return [GlueExample(first, second, 0.0) for first, second in pairs]

    def text_of(self, example: GlueExample) -> str:
        return "\n".join(sorted((example.sentence1, example.sentence2 or "")))

    def load(
        self,
        directory: Path,
        labels: Labels | None,
        dropout: float | None = None,
        trained: bool = False,
        attentions: bool = False,
    ) -> Embedder:
        return load_embedder(directory, dropout)

    def save(self, trainer: Trainer, output: Path) -> None:
        if trainer.args.should_save:
            trainer.accelerator.unwrap_model(trainer.model).save(output)

    def fitted(
        self, teacher: Model, student: Model, predict: Callable[[int], list[np.ndarray]]
    ) -> Model:
        """A teacher of another width, projected onto as many of its principal directions as the
        student's embeddings have numbers."""
        assert isinstance(teacher, Embedder) and isinstance(student, Embedder)
        if teacher.width == student.width:
            return teacher
        embeddings = np.concatenate(predict(MOST_TEXTS))
        return with_directions(
            teacher, principal_directions(torch.from_numpy(embeddings), student.width)
        ).to(next(student.parameters()).device)

    def features(
        self, examples: Sequence[GlueExample], directory: Path, options: TaskOptions
    ) -> list[EmbedFeature]:
        tokenizer = load_auto_tokenizer(directory)
        texts = [text for e in examples for text in (e.sentence1, e.sentence2) if text is not None]
        encoded = tokenizer(texts, truncation=True, max_length=options.max_length)
        note_cut([texts], encoded["input_ids"], tokenizer, options.max_length)
        segments = encoded.get("token_type_ids") or [None] * len(texts)
        text_ids = iter(map(TextIds, encoded["input_ids"], segments))
        return [
            EmbedFeature(
                tuple(next(text_ids) for text in (e.sentence1, e.sentence2) if text is not None),
                e.label,
            )
            for e in examples
        ]

    def sequences(self, features: Sequence[EmbedFeature]) -> list[TextIds]:
        return [text for feature in features for text in feature.texts]

    def targets(
        self, features: Sequence[EmbedFeature], length: int, labels: Labels | None
    ) -> Batch:
        return {"targets": torch.tensor([f.label for f in features], dtype=torch.float32)}

    def logits(self, output: Any, batch: Batch) -> torch.Tensor:
        """Embeddings, (rows, texts of a row, width)."""
        embeddings = output.embedding
        return embeddings.view(len(batch["targets"]), -1, embeddings.shape[-1])  # type: ignore[no-any-return]

    def hard_loss(self, logits: torch.Tensor, batch: Batch, labels: Labels | None) -> torch.Tensor:
        return pair_loss(logits, batch["targets"])

    def soft_loss(
        self,
        logits: torch.Tensor,
        teacher: torch.Tensor,
        batch: Batch,
        temperature: float,
        labels: Labels | None,
    ) -> torch.Tensor:
        return embedding_distance(logits, teacher)

    def labelled(self, data: Data[GlueExample]) -> bool:
        return not any(math.isnan(example.label) for example in data.train)

    def score(
        self,
        data: Data[GlueExample],
        features: Mapping[str, Sequence[EmbedFeature]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        pairs = np.asarray(logits["dev"], dtype=np.float64)
        lengths = np.linalg.norm(pairs, axis=-1).prod(-1)
        cosines = (pairs[:, 0] * pairs[:, 1]).sum(-1) / lengths
        truth = np.asarray([f.label for f in features["dev"]])
        passages = passages_of(data.scored["dev"])
        statistics = of_correlations(truth, cosines, ("spearman", "pearson"), passages)
        return Scored(
            {**statistics.whole(), "total": len(truth)},
            {"dev": statistics},
            {"dev": cosines.tolist()},
        )

    def floor(self, data: Data[GlueExample]) -> tuple[float, str]:
        return WEAK_TEACHER, f"{WEAK_TEACHER:g}% is the least"

    def check_teacher(self, data: Data[GlueExample]) -> None:
        if not data.scored:
            raise UserError("name pairs with a score in --eval_data: the teacher is scored first")


def _texts(rows: Sequence[Row], options: TaskOptions, path: str) -> tuple[str, ...]:
    return chosen_columns(rows, options, path)[0]


def _pairs(
    path: str, options: TaskOptions, rows: Sequence[Row] | None = None
) -> tuple[list[GlueExample], str]:
    rows = read_rows(path) if rows is None else rows
    texts, label = chosen_columns(rows, options, path)
    if len(texts) != len(PAIR):
        raise UserError(f"{path}: needs two columns of text, such as {' and '.join(PAIR)} (--text)")
    return examples(rows, texts, label, SCORES), f"pairs of {' and '.join(texts)}, {label}"


def scaled(pairs: Sequence[GlueExample]) -> list[GlueExample]:
    """The pairs with scores from 0 to 1: 0 is the least of the training data, 1 the highest.

    Raises:
        UserError: all scores are equal.
    """
    scores = [float(pair.label) for pair in pairs]
    low, high = min(scores), max(scores)
    if low == high:
        raise UserError(f"all pairs have the score {low:g}")
    return [
        GlueExample(p.sentence1, p.sentence2, (float(p.label) - low) / (high - low)) for p in pairs
    ]
