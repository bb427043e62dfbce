"""Reranking by a cross-encoder: a query and a passage, and whether, or how far, it is relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from distill.console.errors import UserError
from distill.tasks.classify import examples
from distill.tasks.embed import scaled
from distill.tasks.glue import GlueExample
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import Row, chosen_columns, read_rows, split_rows
from distill.tasks.sentences import (
    MULTI_LABEL,
    REGRESSION,
    SentenceTask,
    TextFeature,
    class_distance,
    labelled,
    passages_of,
)
from distill.tasks.statistics import Statistics, of_correlations, of_means
from distill.tasks.task import Batch, Data, Labels, Scored

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ONE_LOGIT = Labels((), "")
SCORES = Labels((), REGRESSION)
CUT = 10  # passages of a query that count, as in MS MARCO
WEAK_TEACHER = 5.0
SIGMOID = "torch.nn.modules.activation.Sigmoid"


class Rank(SentenceTask):
    """`--task rank`; ``score`` is nDCG where queries have several passages, else Spearman's
    correlation with the labels."""

    takes = frozenset({"data", "eval_data", "eval_share", "text", "label"})

    def metric_in_words(self, labels: Labels | None) -> str:
        return f"nDCG of the first {CUT} (Spearman where no query has several passages)"

    def text_of(self, example: GlueExample) -> str:
        return str(example.sentence1)  # a query is on one side

    def read(self, options: TaskOptions) -> Data[GlueExample]:
        path = self.own_data(options)
        rows = read_rows(path, training=True)
        texts, label = self._columns(rows, options, path)
        if options.eval_data:
            train, held = rows, read_rows(options.eval_data)
            same = replace(options, text=list(texts), label=label)
            self._columns(held, same, options.eval_data)
        else:
            # A query is on one side.
            train, held = split_rows(rows, options.eval_share, lambda row: row.joined(texts[:1]))
        pairs = scaled(graded(examples(train, texts, label, SCORES), path))
        scored = graded(examples(held, texts, label, SCORES), options.eval_data or path)
        counts = {"examples": len(pairs), "scored_on": len(scored)}
        words = _columns_in_words(texts, label)
        return Data(pairs, {"dev": scored}, ONE_LOGIT, counts, (words,), columns=texts)

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[GlueExample]:
        path = self.own_data(options)
        rows = read_rows(path)
        texts, label = self._columns(rows, options, path)
        scored = graded(examples(rows, texts, label, SCORES), path)
        words = _columns_in_words(texts, label)
        return Data([], {"dev": scored}, ONE_LOGIT, notes=(words,), columns=texts)

    def _columns(
        self, rows: Sequence[Row], options: TaskOptions, path: str
    ) -> tuple[tuple[str, ...], str]:
        texts, label = chosen_columns(rows, options, path)
        if len(texts) != 2:
            raise UserError(
                f"{path}: needs two columns of text, such as query and passage (--text)"
            )
        return texts, label

    def load(
        self,
        directory: Path,
        labels: Labels | None,
        dropout: float | None = None,
        trained: bool = False,
        attentions: bool = False,
    ) -> PreTrainedModel:
        model = super().load(directory, ONE_LOGIT, dropout, trained)
        # By this entry `CrossEncoder` of sentence-transformers and the export know what it is.
        model.config.sentence_transformers = {"activation_fn": SIGMOID}
        return model

    def hard_loss(self, logits: torch.Tensor, batch: Batch, labels: Labels | None) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(logits[:, 0], batch["targets"], reduction="none")

    def soft_loss(
        self,
        logits: torch.Tensor,
        teacher: torch.Tensor,
        batch: Batch,
        temperature: float,
        labels: Labels | None,
    ) -> torch.Tensor:
        """KL of relevant and not relevant at a temperature."""
        return class_distance(logits, teacher, temperature, Labels(("relevant",), MULTI_LABEL))

    def score(
        self,
        data: Data[GlueExample],
        features: Mapping[str, Sequence[TextFeature]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        truth = labelled(features)["dev"].astype(float)
        answers = np.asarray(logits["dev"])[:, 0]
        statistics = ranking(data.scored["dev"], truth, answers)
        return Scored(
            {**statistics.whole(), "total": len(truth)},
            {"dev": statistics},
            {"dev": answers.tolist()},
        )

    def floor(self, data: Data[GlueExample]) -> tuple[float, str]:
        return WEAK_TEACHER, f"{WEAK_TEACHER:g}% is the least"


def _columns_in_words(texts: Sequence[str], label: str) -> str:
    return f"query from {texts[0]}, passage from {texts[1]}, label from {label}"


def graded(pairs: list[GlueExample], path: str) -> list[GlueExample]:
    """The pairs of a file, whose labels are 0 for what is not relevant and more for what is.

    Raises:
        UserError: a label below 0; or none is 0 where queries have several passages: all of them
            would count as relevant.
    """
    least = min(float(pair.label) for pair in pairs)
    if least < 0:
        raise UserError(f"{path}: the label {least:g} is below 0, which is not relevant")
    if least > 0 and len({pair.sentence1 for pair in pairs}) < len(pairs):
        raise UserError(
            f"{path}: no passage has the label 0, which is not relevant; the least is {least:g}"
        )
    return pairs


def ranking(pairs: Sequence[GlueExample], truth: np.ndarray, answers: np.ndarray) -> Statistics:
    """MRR and nDCG of the first ten passages, the mean over queries that have a relevant passage
    and another one; Spearman's correlation where no query has."""
    groups: dict[str, list[int]] = {}
    for index, pair in enumerate(pairs):
        groups.setdefault(pair.sentence1, []).append(index)
    rows = [
        _of_query(truth[group], answers[group])
        for group in groups.values()
        if len(group) > 1 and truth[group].max() > 0
    ]
    names: tuple[str, ...] = ("mrr", "ndcg")
    if rows:
        base = of_means(100 * np.array(rows), names)
    else:
        names = ("spearman",)
        base = of_correlations(truth, answers, names, passages_of(pairs))
    return base.with_score(names[-1])


def _of_query(truth: np.ndarray, answers: np.ndarray) -> tuple[float, float]:
    """Reciprocal rank of the first relevant passage, and nDCG (Järvelin and Kekäläinen 2002, with
    the label itself as the gain), of the ten best. Passages with equal answers have no order: the
    mean over all of theirs, not that of the file."""
    places = np.arange(len(truth))
    discounts = np.where(places < CUT, 1 / np.log2(places + 2), 0)
    _, groups, sizes = np.unique(-answers, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    shared = np.add.reduceat(discounts, starts) / sizes
    gain = float(truth @ shared[groups] / (np.sort(truth)[::-1] @ discounts))
    first = groups[truth > 0].min()
    size, relevant = int(sizes[first]), int((truth[groups == first] > 0).sum())
    before = [place for place in range(size - relevant + 1) if starts[first] + place < CUT]
    chances = [comb(size - place - 1, relevant - 1) / comb(size, relevant) for place in before]
    rank = sum(c / (starts[first] + b + 1) for c, b in zip(chances, before, strict=True))
    return float(rank), gain
