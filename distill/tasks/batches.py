"""Batches of any task's features, and the logits of a model on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from distill.console.errors import UserError
from distill.console.tables import one_line
from distill.models.loading import takes_segments
from distill.tasks.options import TaskOptions
from distill.tasks.task import AnyData, AnyTask, Batch, Labels, Scored

if TYPE_CHECKING:
    from distill.corpus.length_batches import FeatureRow
    from distill.models.embedder import Model

PREDICTION_ROWS = 32


class Collator:
    """Pad a list of features to the longest, and add the task's targets."""

    def __init__(self, task: AnyTask, labels: Labels | None, model: Model) -> None:
        self.task, self.labels, self.segments = task, labels, takes_segments(model)
        self.pad_id = int(model.config.pad_token_id or 0)
        self.entries = int(model.config.vocab_size)

    def __call__(self, rows: Sequence[FeatureRow]) -> Batch:
        features = [row["feature"] for row in rows]
        sequences = self.task.sequences(features)
        length = max(len(sequence.input_ids) for sequence in sequences)

        def padded(values: list[list[int]], fill: int) -> torch.Tensor:
            return torch.tensor([ids + [fill] * (length - len(ids)) for ids in values])

        batch = {
            "index": torch.tensor([row["index"] for row in rows]),
            "input_ids": padded([s.input_ids for s in sequences], self.pad_id),
            "attention_mask": padded([[1] * len(s.input_ids) for s in sequences], 0),
            **self.task.targets(features, length, self.labels),
        }
        if (highest := int(batch["input_ids"].max())) >= self.entries:
            raise UserError(
                f"the tokenizer gives the id {highest}, and the model has {self.entries} word "
                "embeddings: they do not belong together"
            )
        segments = [s.token_type_ids for s in sequences if s.token_type_ids is not None]
        if self.segments and segments:
            batch["token_type_ids"] = padded(segments, 0)
        return batch


class Outputs(NamedTuple):
    """``logits`` as the task has them; where asked for, the hidden states of the embeddings and
    every layer, (rows, length, width), and what each layer's heads attend to, (rows, heads,
    length, length)."""

    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] = ()
    attentions: tuple[torch.Tensor, ...] = ()


def run_model(
    task: AnyTask, model: Model, batch: Batch, hidden: bool = False, attentions: bool = False
) -> Outputs:
    """The outputs of a model for a batch that was made for it."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: batch[name] for name in names if name in batch}
    output = model(**inputs, output_hidden_states=hidden, output_attentions=attentions)
    states, attended = (getattr(output, name, None) for name in ("hidden_states", "attentions"))
    return Outputs(task.logits(output, batch), states or (), attended or ())


@torch.no_grad()
def predict(
    task: AnyTask,
    model: Model,
    features: Sequence[Any],
    labels: Labels | None,
    description: str = "predicting",
) -> list[np.ndarray]:
    """Logits of every feature, float32, computed in batches of similar length.

    Raises:
        UserError: logits that are not finite: the weights of the model are damaged.
    """
    model.eval()
    collate = Collator(task, labels, model)
    device = next(model.parameters()).device
    order = sorted(range(len(features)), key=lambda i: len(features[i].input_ids))
    logits: list[np.ndarray] = [np.empty(0)] * len(features)
    with tqdm(total=len(order), desc=one_line(description), unit="input") as progress:
        for at in range(0, len(order), PREDICTION_ROWS):
            rows = order[at : at + PREDICTION_ROWS]
            batch = collate([{"index": row, "feature": features[row]} for row in rows])
            outputs = run_model(task, model, {k: v.to(device) for k, v in batch.items()}).logits
            if not bool(outputs.isfinite().all()):
                raise UserError(
                    f"{model.name_or_path or 'the model'}: its outputs are not finite (nan or "
                    "infinity), its weights are damaged; it has no score"
                )
            for row, values in zip(rows, outputs.float().cpu().numpy(), strict=True):
                logits[row] = values
            progress.update(len(rows))
    return logits


def score_model(
    task: AnyTask,
    model: Model,
    data: AnyData,
    features: Mapping[str, Sequence[object]],
    options: TaskOptions,
    description: str = "evaluating",
) -> Scored:
    """The task's metrics of a model on everything that it is scored on."""
    logits = {
        split: predict(task, model, rows, data.labels, f"{description} on {split}")
        for split, rows in features.items()
    }
    return task.score(data, features, logits, options)
