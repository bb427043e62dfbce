"""Tasks of one or two texts and a class, several classes, or a score: what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification

from distill.console.errors import UserError, note
from distill.losses.task import distillation_kl
from distill.models.loading import load_auto_tokenizer
from distill.tasks.glue import GlueExample
from distill.tasks.labelled_task import LabelledTask
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import read_texts
from distill.tasks.statistics import shared_passages
from distill.tasks.task import Batch, Data, Labels

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


WEAK_MARGIN = 5.0  # points a teacher must have above an answer given without reading
REGRESSION, MULTI_LABEL = "regression", "multi_label_classification"


@dataclass(frozen=True)
class TextFeature:
    """One example as ids, with the segment of each where the tokenizer tells, and its label: a
    class, a score, or several classes as zeros and ones."""

    input_ids: list[int]
    token_type_ids: list[int] | None
    label: Any


def passages_of(examples: Sequence[GlueExample]) -> np.ndarray:
    """Numbers of what intervals draw together, (examples,), as `shared_passages` has them."""
    return shared_passages([(example.sentence1, example.sentence2) for example in examples])


def without_far_end(text: str, tokenizer: PreTrainedTokenizerBase, max_length: int) -> str:
    """A text, cut after twice the tokens that an input has room for. What `tokenizers` cuts off a
    pair it keeps, every part of one text with every part of the other: of long ones gigabytes."""
    most = 2 * max_length
    if len(text) <= most:
        return text
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = encoded["offset_mapping"]
    return text[: offsets[most][1]] if len(offsets) > most else text


def note_cut(
    columns: Sequence[Sequence[str]],
    input_ids: Sequence[Sequence[int]],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> None:
    """Say how many inputs have no room for all of their text.

    Args:
        columns: the first texts of all inputs, and the second ones where there are pairs.
        input_ids: of each input, at most ``max_length``.
    """
    full = [row for row, ids in enumerate(input_ids) if len(ids) == max_length]
    if not full:
        return
    whole = tokenizer(*([texts[row] for row in full] for texts in columns), verbose=False)
    if cut := sum(len(ids) > max_length for ids in whole["input_ids"]):
        note(
            f"{cut} of {len(input_ids)} inputs are longer than --max_length {max_length}, and are "
            "cut"
        )


def text_features(
    examples: Sequence[GlueExample], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> list[TextFeature]:
    """Ids of each example, at most ``max_length``; of a pair the longer text is cut first. A note
    says how many are cut.

    Args:
        tokenizer: a fast tokenizer of `transformers`.

    Raises:
        UserError: ``max_length`` leaves no room for the texts.
    """
    pair = examples[0].sentence2 is not None
    if max_length < tokenizer.num_special_tokens_to_add(pair) + 1 + pair:
        raise UserError(f"a length of {max_length} leaves no room for the text")
    columns = [[example.sentence1 for example in examples]]
    if pair:
        columns.append([example.sentence2 or "" for example in examples])
        columns = [[without_far_end(t, tokenizer, max_length) for t in texts] for texts in columns]
    encoded = tokenizer(
        *columns,
        truncation="longest_first",
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
    )
    note_cut(columns, encoded["input_ids"], tokenizer, max_length)
    segments = encoded.get("token_type_ids") or [None] * len(examples)
    return [
        TextFeature(ids, types, example.label)
        for ids, types, example in zip(encoded["input_ids"], segments, examples, strict=True)
    ]


class SentenceTask(LabelledTask[GlueExample, TextFeature]):
    """Losses and models by the problem type of the labels."""

    kind = AutoModelForSequenceClassification

    def table(self, data: Data[GlueExample]) -> Labels:
        """The labels of the data."""
        assert data.labels is not None
        return data.labels

    def read_unlabelled(
        self, path: str, options: TaskOptions, data: Data[GlueExample]
    ) -> list[GlueExample]:
        texts, pairs = read_texts(path, options.text), data.train[0].sentence2 is not None
        if len(texts[0]) != 1 + pairs:
            kinds = ("single texts", "pairs of texts")
            raise UserError(
                f"{path}: holds {kinds[not pairs]}, the training data {kinds[pairs]} (--text "
                "names the columns)"
            )
        labels = self.table(data)
        several = labels.problem_type == MULTI_LABEL
        no_label: Any = [0.0] * labels.outputs if several else 0
        return [GlueExample(t[0], t[1] if pairs else None, no_label) for t in texts]

    def text_of(self, example: GlueExample) -> str:
        return f"{example.sentence1}\n{example.sentence2 or ''}"

    def features(
        self, examples: Sequence[GlueExample], directory: Path, options: TaskOptions
    ) -> list[TextFeature]:
        return text_features(examples, load_auto_tokenizer(directory), options.max_length)

    def targets(self, features: Sequence[TextFeature], length: int, labels: Labels | None) -> Batch:
        return {"targets": torch.tensor(np.asarray([f.label for f in features], dtype=np.float32))}

    def logits(self, output: Any, batch: Batch) -> torch.Tensor:
        return output.logits  # type: ignore[no-any-return]

    def hard_loss(self, logits: torch.Tensor, batch: Batch, labels: Labels | None) -> torch.Tensor:
        assert labels is not None
        return class_loss(logits, batch["targets"], labels)

    def soft_loss(
        self,
        logits: torch.Tensor,
        teacher: torch.Tensor,
        batch: Batch,
        temperature: float,
        labels: Labels | None,
    ) -> torch.Tensor:
        assert labels is not None
        return class_distance(logits, teacher, temperature, labels)

    def floor(self, data: Data[GlueExample]) -> tuple[float, str]:
        """Some points above one answer for all: the commonest class, or the mean."""
        blind = {s: self._blind(rows, self.table(data)) for s, rows in data.scored.items()}
        features = {
            s: [TextFeature([], None, e.label) for e in rows] for s, rows in data.scored.items()
        }
        blind_score = self.score(data, features, blind, TaskOptions()).metrics[self.metric]
        return blind_score + WEAK_MARGIN, f"one answer for all has {blind_score:.1f}%"

    def _blind(self, rows: Sequence[GlueExample], labels: Labels) -> list[np.ndarray]:
        targets = np.asarray([e.label for e in rows], dtype=float)
        answer: np.ndarray
        if labels.problem_type == REGRESSION:
            answer = np.array([targets.mean()])
        elif labels.problem_type == MULTI_LABEL:
            answer = targets.mean(0) - 0.5
        else:
            answer = np.bincount(targets.astype(int), minlength=labels.outputs).astype(float)
        return [answer] * len(rows)


def class_loss(logits: torch.Tensor, targets: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Cross-entropy over the classes, binary cross-entropy, or squared error, of every row.

    Args:
        logits: (rows, outputs).
        targets: (rows,), class indices or scores as floats; (rows, outputs) for several classes.
    """
    if labels.problem_type == REGRESSION:
        return F.mse_loss(logits[:, 0], targets, reduction="none")
    weights = logits.new_tensor(labels.weights) if labels.weights else None
    if labels.problem_type == MULTI_LABEL:
        loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return (loss if weights is None else loss * weights).mean(-1)
    return F.cross_entropy(logits, targets.long(), weight=weights, reduction="none")


def class_distance(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float, labels: Labels
) -> torch.Tensor:
    """KL to the teacher's classes at a temperature, of every row; of each class by itself where
    there may be several; the squared error of a regression, which has no temperature."""
    if labels.problem_type == REGRESSION:
        return F.mse_loss(student, teacher.detach(), reduction="none")[:, 0]
    if labels.problem_type == MULTI_LABEL:
        both = [torch.stack([x, torch.zeros_like(x)], -1) for x in (student, teacher)]
        rows = distillation_kl(both[0].flatten(0, 1), both[1].flatten(0, 1), temperature)
        return rows.view(student.shape).mean(-1)
    return distillation_kl(student, teacher, temperature)


def decided(logits: Sequence[np.ndarray], labels: Labels) -> np.ndarray:
    """Class indices, scores, or zeros and ones, from logits of shape (rows, outputs)."""
    stacked = np.asarray(logits)
    if labels.problem_type == REGRESSION:
        return stacked[:, 0]
    if labels.problem_type == MULTI_LABEL:
        return (stacked > 0).astype(int)
    return stacked.argmax(-1)  # type: ignore[no-any-return]


def labelled(features: Mapping[str, Sequence[TextFeature]]) -> dict[str, np.ndarray]:
    """The labels of every split: class indices or scores, (rows,), or zeros and ones, (rows,
    outputs)."""
    return {split: np.asarray([f.label for f in rows]) for split, rows in features.items()}
