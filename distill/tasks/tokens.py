"""One's own entities: a tag for every word, scored by whole entities as seqeval counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForTokenClassification

from distill.console.errors import UserError, note
from distill.losses.task import distillation_kl
from distill.models.checkpoint_folder import longest_input
from distill.models.loading import load_auto_tokenizer
from distill.tasks.label_keys import check_alike, label_key
from distill.tasks.labelled_task import LabelledTask
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import split_rows
from distill.tasks.statistics import numbered, of_counts
from distill.tasks.tagged_inputs import (
    TokenFeature,
    joined,
    same_words,
    tagged_features,
    whole_features,
)
from distill.tasks.tagged_texts import (
    NOT_A_TAG,
    OUTSIDE,
    TAG,
    TaggedText,
    read_tagged,
    read_untagged,
)
from distill.tasks.task import Batch, Data, Labels, Scored

UNLABELLED = -100  # special tokens, padding, and the later pieces of a word
UNTAUGHT = -16_000.0  # the logits of a word that the teacher has no token of; exact in float16
WEAK_TEACHER_F1 = 5.0


class Tokens(LabelledTask[TaggedText, TokenFeature]):
    """`--task tokens --data train.conll`; the label of a word stands at its first piece."""

    takes = frozenset({"data", "eval_data", "eval_share"})
    metric = "f1"
    kind = AutoModelForTokenClassification
    per_token = True

    def read(self, options: TaskOptions) -> Data[TaggedText]:
        texts = read_tagged(self.own_data(options), training=True)
        if options.eval_data:
            train, scored = texts, read_tagged(options.eval_data)
        else:
            train, scored = split_rows(texts, options.eval_share, self.text_of)
        labels = label_table(train)
        _check(scored, labels, options.eval_data or options.data)
        counts = {"examples": len(train), "scored_on": len(scored)}
        notes = (f"labels: {', '.join(labels.names)}", *_widened([*train, *scored]))
        return Data(train, {"dev": scored}, labels, counts, notes)

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[TaggedText]:
        assert labels is not None
        labels = _spelled(labels)
        texts = read_tagged(self.own_data(options))
        _check(texts, labels, options.data)
        for line in _widened(texts):
            note(line)
        return Data([], {"dev": texts}, labels)

    def read_unlabelled(
        self, path: str, options: TaskOptions, data: Data[TaggedText]
    ) -> list[TaggedText]:
        return read_untagged(path)

    def features_of(self, features: Sequence[TokenFeature], examples: int) -> int:
        return sum(feature.example < examples for feature in features)

    def text_of(self, example: TaggedText) -> str:
        return str(example.text)

    def features(
        self, examples: Sequence[TaggedText], directory: Path, options: TaskOptions
    ) -> list[TokenFeature]:
        parts = tagged_features(examples, load_auto_tokenizer(directory), options.max_length)
        if more := len(parts) - len(examples):
            note(
                f"sentences longer than --max_length {options.max_length} are cut between words, "
                f"into {more} more inputs"
            )
        lost = sum(feature.firsts.count(None) for feature in parts)
        if lost:
            words = sum(len(feature.firsts) for feature in parts)
            note(f"{lost} of {words} words have no token within --max_length {options.max_length}")
        return parts

    def asked(
        self,
        examples: Sequence[TaggedText],
        features: Sequence[TokenFeature],
        directory: Path,
        options: TaskOptions,
    ) -> list[TokenFeature]:
        """The same words in all that the teacher takes: its tokens may be shorter."""
        longest = longest_input(directory) or options.max_length
        texts = same_words(examples, features)
        teacher_features = whole_features(texts, load_auto_tokenizer(directory), longest)
        pairs = zip(features, teacher_features, strict=True)
        lost = sum(
            own is not None and place is None
            for feature, of_teacher in pairs
            for own, place in zip(feature.firsts, of_teacher.firsts, strict=True)
        )
        if lost:
            note(f"{directory}: {lost} words have no token of the teacher; it does not teach them")
        return teacher_features

    def aligned(self, logits: np.ndarray, asked: TokenFeature, feature: TokenFeature) -> np.ndarray:
        """Words are what both have: the logits at the first piece of each, (labels, length);
        `UNTAUGHT` where the teacher has no piece of a word."""
        result = np.full((len(logits), len(feature.input_ids)), UNTAUGHT, dtype=np.float32)
        for own, place in zip(feature.firsts, asked.firsts, strict=True):
            if own is not None and place is not None:
                result[:, own] = logits[:, place]
        return result

    def targets(
        self, features: Sequence[TokenFeature], length: int, labels: Labels | None
    ) -> Batch:
        assert labels is not None
        numbers = {label_key(name): number for number, name in enumerate(labels.names)}
        targets = torch.full((len(features), length), UNLABELLED)
        for row, feature in enumerate(features):
            for first, tag in zip(feature.firsts, feature.tags, strict=True):
                if first is not None and targets[row, first] == UNLABELLED:
                    targets[row, first] = numbers[label_key(tag)]
        return {"targets": targets}

    def logits(self, output: Any, batch: Batch) -> torch.Tensor:
        """(rows, labels, length)."""
        return output.logits.transpose(1, 2)  # type: ignore[no-any-return]

    def hard_loss(self, logits: torch.Tensor, batch: Batch, labels: Labels | None) -> torch.Tensor:
        losses = F.cross_entropy(
            logits, batch["targets"], reduction="none", ignore_index=UNLABELLED
        )
        return _word_means(losses, batch)

    def soft_loss(
        self,
        logits: torch.Tensor,
        teacher: torch.Tensor,
        batch: Batch,
        temperature: float,
        labels: Labels | None,
    ) -> torch.Tensor:
        distances = distillation_kl(logits.transpose(1, 2), teacher.transpose(1, 2), temperature)
        return _word_means(distances, batch, (teacher != UNTAUGHT).any(1))

    def score(
        self,
        data: Data[TaggedText],
        features: Mapping[str, Sequence[TokenFeature]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        """Precision, recall and F1 of entities; a word without a token is outside of them, and
        counted as ``missing``; intervals by document where the file tells them."""
        assert data.labels is not None
        spelled = {label_key(name): name for name in data.labels.names}
        rows = features["dev"]
        parts = [[spelled[label_key(tag)] for tag in feature.tags] for feature in rows]
        truth = joined(rows, parts)
        answers = [
            decided_tags(feature.firsts, values, data.labels.names)
            for feature, values in zip(rows, logits["dev"], strict=True)
        ]
        answers = joined(rows, answers)
        documents = numbered([text.document or text.text for text in data.scored["dev"]])
        statistics = of_counts(entity_counts(truth, answers), documents)
        missing = sum(feature.firsts.count(None) for feature in rows)
        return Scored(
            {**statistics.whole(), "total": len(truth), "missing": missing},
            {"dev": statistics},
            {"dev": answers},
        )

    def floor(self, data: Data[TaggedText]) -> tuple[float, str]:
        return WEAK_TEACHER_F1, f"{WEAK_TEACHER_F1:g}% is the least"


def _word_means(
    values: torch.Tensor, batch: Batch, taught: torch.Tensor | None = None
) -> torch.Tensor:
    """Means over the labelled positions of every row, those that are ``taught`` where it is given;
    all of shape (rows, length)."""
    labelled = batch["targets"] != UNLABELLED
    if taught is not None:
        labelled = labelled & taught
    return values.masked_fill(~labelled, 0.0).sum(-1) / labelled.sum(-1).clamp_min(1)


def decided_tags(
    firsts: Sequence[int | None], logits: np.ndarray, names: Sequence[str]
) -> list[str]:
    """The best tag of every word by logits of shape (labels, length). A word that shares its piece
    with the word before goes on with its entity."""
    tags: list[str] = []
    before: int | None = None
    for first in firsts:
        if first is None:
            tags.append(OUTSIDE)
        elif first == before:
            tags.append(tags[-1].replace("B-", "I-", 1))
        else:
            tags.append(names[int(logits[:, first].argmax())])
        before = first
    return tags


def entity_counts(truth: Sequence[list[str]], answers: Sequence[list[str]]) -> np.ndarray:
    """Entities that are right, found, and there, of every text: (texts, 3)."""
    from seqeval.metrics.sequence_labeling import get_entities

    pairs = zip(truth, answers, strict=True)
    both = [(set(get_entities(true)), set(get_entities(answered))) for true, answered in pairs]
    return np.array([(len(true & answered), len(answered), len(true)) for true, answered in both])


def label_table(texts: Sequence[TaggedText]) -> Labels:
    """O first, then B and I (E and S where they are used) of every kind of entity.

    Raises:
        UserError: no text has an entity, or two kinds differ in case alone.
    """
    tags = {tag for text in texts for tag in text.tags} - {OUTSIDE}
    if not tags:
        raise UserError("no word of the training data is tagged as part of an entity")
    prefixes = {"B", "I", *(tag[0] for tag in tags)}
    kinds = sorted({tag[2:] for tag in tags}, key=lambda kind: (kind.casefold(), kind))
    check_alike(kinds)
    names = [f"{prefix}-{kind}" for kind in kinds for prefix in "BIES" if prefix in prefixes]
    return Labels((OUTSIDE, *names), "")


def _spelled(labels: Labels) -> Labels:
    """The labels of a checkpoint, spelled as seqeval reads them: ``b-loc`` becomes ``B-loc``.

    Raises:
        UserError: they are not tags of entities.
    """
    names = tuple(name[:1].upper() + name[1:] for name in labels.names)
    others = [name for name in names if not TAG.fullmatch(name)]
    if others:
        raise UserError(f"the model's label {others[0]!r} {NOT_A_TAG}")
    return Labels(names, "")


def _check(texts: Sequence[TaggedText], labels: Labels, path: str | None) -> None:
    known = {label_key(name) for name in labels.names}
    for number, text in enumerate(texts, 1):
        for tag in text.tags:
            if label_key(tag) not in known:
                raise UserError(
                    f"{path}, text {number}: {tag!r} is not a label (expected "
                    f"{', '.join(labels.names)})"
                )


def _widened(texts: Sequence[TaggedText]) -> list[str]:
    count = sum(text.widened for text in texts)
    return [f"{count} spans begin or end inside a word and now cover all of it"] if count else []
