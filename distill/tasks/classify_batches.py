"""Batches and models of the tasks with a class or a score, and the logits of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from distill.console.errors import UserError
from distill.models.loading import configuration, load_weights, takes_segments
from distill.tasks.classification import ClassificationTask, TextFeature

PREDICTION_ROWS = 64

Batch = dict[str, torch.Tensor]


def collate(rows: list[dict[str, Any]], pad_id: int) -> Batch:
    """Pad a list of features to the longest; ``targets`` are their labels as floats, (rows,)."""
    features: list[TextFeature] = [row["feature"] for row in rows]
    length = max(len(feature.input_ids) for feature in features)

    def padded(values: list[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([ids + [fill] * (length - len(ids)) for ids in values])

    batch = {
        "index": torch.tensor([row["index"] for row in rows]),
        "input_ids": padded([f.input_ids for f in features], pad_id),
        "attention_mask": padded([[1] * len(f.input_ids) for f in features], 0),
        "targets": torch.tensor([float(feature.label) for feature in features]),
    }
    if features[0].token_type_ids is not None:
        batch["token_type_ids"] = padded([f.token_type_ids or [] for f in features], 0)
    return batch


def forward(model: PreTrainedModel, batch: Batch, segments: bool, hidden: bool = False) -> Any:
    """The model's output for a batch; ``segments`` as `takes_segments` says of the model within
    any wrapper."""
    names = ("input_ids", "attention_mask", *(["token_type_ids"] if segments else []))
    inputs = {name: batch[name] for name in names if name in batch}
    return model(**inputs, output_hidden_states=hidden)


def load_model(
    directory: Path, task: ClassificationTask, dropout: float | None = None, trained: bool = False
) -> PreTrainedModel:
    """A model with the task's head from a checkpoint; a missing head is drawn at random.

    Args:
        dropout: replaces the checkpoint's dropout when given.
        trained: the checkpoint must have the head.

    Raises:
        UserError: the checkpoint cannot be loaded; or it is to be ``trained``, but the head is
            missing or has other classes.
    """
    config = configuration(directory, dropout)
    if trained and config.num_labels != task.outputs:
        raise UserError(
            f"{directory}: its head has {config.num_labels} outputs, {task.name} has "
            f"{task.outputs}; fine-tune it on the task first"
        )
    config.num_labels = task.outputs
    if task.labels:
        config.id2label = dict(enumerate(task.labels))
        config.label2id = {name: number for number, name in enumerate(task.labels)}
    return load_weights(
        AutoModelForSequenceClassification, directory, trained=trained, config=config
    )


@torch.no_grad()
def predict(
    model: PreTrainedModel,
    features: Sequence[TextFeature],
    pad_id: int,
    description: str = "predicting",
) -> np.ndarray:
    """Logits of shape (features, outputs), float32, computed in batches of similar length."""
    model.eval()
    device = next(model.parameters()).device
    order = sorted(range(len(features)), key=lambda i: len(features[i].input_ids))
    logits = np.zeros((len(features), int(model.config.num_labels or 1)), dtype=np.float32)
    with tqdm(total=len(order), desc=description, unit="example") as progress:
        for at in range(0, len(order), PREDICTION_ROWS):
            rows = order[at : at + PREDICTION_ROWS]
            batch = collate([{"index": i, "feature": features[i]} for i in rows], pad_id)
            on_device = {name: values.to(device) for name, values in batch.items()}
            output = forward(model, on_device, takes_segments(model))
            logits[rows] = output.logits.float().cpu().numpy()
            progress.update(len(rows))
    return logits
