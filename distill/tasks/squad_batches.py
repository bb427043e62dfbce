"""Question-answering features as batches, with the teacher's logits from a cache on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from distill.console.atomic import atomic_file
from distill.losses.task import mask_padding, span_targets
from distill.models.loading import takes_segments
from distill.tasks.squad import Example, Feature

LOGITS = 2  # start and end
PADDING = np.finfo(np.float16).min / 4


class SpanCollator:
    """Pad a list of features to the longest; ``segments`` says whether the model takes
    ``token_type_ids``. Labels are the distributions of `span_targets`, (rows, length)."""

    def __init__(self, segments: bool, pad_id: int = 0) -> None:
        self.segments, self.pad_id = segments, pad_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        features: list[Feature] = [row["feature"] for row in rows]
        length = max(len(feature.input_ids) for feature in features)
        start, end = span_targets([feature.spans for feature in features], length)
        batch = {
            "index": torch.tensor([row["index"] for row in rows]),
            "input_ids": _padded([f.input_ids for f in features], length, self.pad_id),
            "attention_mask": _padded([[1] * len(f.input_ids) for f in features], length, 0),
            "start_targets": start,
            "end_targets": end,
        }
        if self.segments:
            batch["token_type_ids"] = _padded([f.token_type_ids for f in features], length, 0)
        return batch


def _padded(rows: list[list[int]], length: int, value: int) -> torch.Tensor:
    return torch.tensor([row + [value] * (length - len(row)) for row in rows])


class SpanOutputs(NamedTuple):
    """``logits`` of start and end, (rows, 2, length), padding masked; where asked for, the hidden
    states of the embeddings and every layer, (rows, length, width), and what each layer's heads
    attend to, (rows, heads, length, length)."""

    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] = ()
    attentions: tuple[torch.Tensor, ...] = ()


def span_outputs(
    model: torch.nn.Module,
    batch: dict[str, torch.Tensor],
    hidden: bool = False,
    attentions: bool = False,
) -> SpanOutputs:
    """Run a question-answering model of `transformers` on a batch of `SpanCollator`."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: batch[name] for name in names if name in batch}
    output = model(**inputs, output_hidden_states=hidden, output_attentions=attentions)
    logits = torch.stack([output.start_logits, output.end_logits], dim=1)
    masked = mask_padding(logits, batch["attention_mask"][:, None])
    return SpanOutputs(masked, output.hidden_states or (), output.attentions or ())


def span_logits(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The logits of `span_outputs`."""
    return span_outputs(model, batch).logits


class LiveTeacher:
    """A teacher that runs beside its student, for what is too large to cache: hidden states, and
    attentions if ``attentions``."""

    def __init__(
        self, model: torch.nn.Module, features: Sequence[Feature], attentions: bool = False
    ) -> None:
        self.model, self.attentions = model.eval(), attentions
        self.collate = SpanCollator(takes_segments(model))
        self.features = features

    @torch.no_grad()
    def __call__(self, batch: dict[str, torch.Tensor]) -> SpanOutputs:
        device = next(self.model.parameters()).device
        rows = [{"index": row, "feature": self.features[row]} for row in batch["index"].tolist()]
        own = {name: value.to(device) for name, value in self.collate(rows).items()}
        return span_outputs(self.model, own, hidden=True, attentions=self.attentions)


class CachedTeacher:
    """A teacher whose logits are computed once per feature, for all epochs and seeds.

    The cache is a half-precision file of shape (features, 2, longest), named by the teacher's
    weights and the features; rows not yet computed hold NaN in their first column. It is filled
    as batches come, so that a killed run loses nothing.
    """

    def __init__(
        self, model: torch.nn.Module, weights: Path, features: Sequence[Feature], folder: Path
    ) -> None:
        self.model = model.eval()
        self.segments = takes_segments(model)
        self.features = features
        shape = (len(features), LOGITS, max(len(f.input_ids) for f in features))
        path = folder / f"logits-{_fingerprint(weights, features)}.npy"
        if not path.exists():
            # Not through a memory map: on a full disk that would end the process by a bus error.
            with atomic_file(path) as staged:
                np.save(staged, np.full(shape, np.nan, dtype=np.float16))
        self.cache = np.lib.format.open_memmap(path, mode="r+")

    def __call__(self, batch: dict[str, torch.Tensor]) -> SpanOutputs:
        """Logits of the features of a batch, and nothing else."""
        rows, length = batch["index"].tolist(), batch["input_ids"].shape[1]
        missing = [row for row in rows if np.isnan(self.cache[row, :, 0]).any()]
        if missing:
            self._compute(missing)
        logits = np.array(self.cache[rows, :, :length], dtype=np.float32)
        return SpanOutputs(torch.from_numpy(logits))

    @torch.no_grad()
    def _compute(self, rows: list[int]) -> None:
        device = next(self.model.parameters()).device
        collate = SpanCollator(self.segments)
        batch = collate([{"index": row, "feature": self.features[row]} for row in rows])
        logits = span_logits(self.model, {k: v.to(device) for k, v in batch.items()})
        block = np.full((len(rows), *self.cache.shape[1:]), PADDING, dtype=np.float16)
        block[:, :, : logits.shape[-1]] = logits.float().cpu().numpy()
        self.cache[rows, :, 1:] = block[:, :, 1:]
        self.cache[rows, :, 0] = block[:, :, 0]  # last: it tells that a row was computed


def _fingerprint(weights: Path, features: Sequence[Feature]) -> str:
    digest = hashlib.sha256(weights.read_bytes())
    for feature in features:
        digest.update(np.asarray(feature.input_ids, dtype=np.int32).tobytes())
    return digest.hexdigest()[:16]


def split_by_passage(
    examples: Sequence[Example], share: float
) -> tuple[list[Example], list[Example]]:
    """Hold out about ``share`` of the examples, whole articles of them (whole passages where one
    article holds more than a tenth of the data), chosen by a hash of the title or passage."""
    counts: dict[str, int] = {}
    for example in examples:
        counts[example.title] = counts.get(example.title, 0) + 1
    kept: list[Example] = []
    held_out: list[Example] = []
    for example in examples:
        large = counts[example.title] > len(examples) / 10
        key = (example.context if large else example.title).encode()
        number = int.from_bytes(hashlib.sha256(key).digest()[:4], "big") / 2**32
        (held_out if number < share else kept).append(example)
    return kept, held_out
