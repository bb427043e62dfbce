"""What a teacher says of a batch: read from a cache, or computed beside its student."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.tasks.batches import Collator, Outputs, run_model
from distill.tasks.task import AnyTask, Batch, Labels

if TYPE_CHECKING:
    from distill.corpus.length_batches import FeatureRow
    from distill.models.embedder import Model

PADDING = np.finfo(np.float16).min / 4
WEIGHTS = (".safetensors", ".bin")


class LiveTeacher:
    """A teacher that runs beside its student, for what is too large to cache: ``hidden`` states,
    ``attentions``, and what `LayerRelations` keeps of its forward."""

    def __init__(
        self,
        task: AnyTask,
        model: Model,
        features: Sequence[object],
        labels: Labels | None,
        hidden: bool = False,
        attentions: bool = False,
    ) -> None:
        self.task, self.model = task, model.eval()
        self.hidden, self.attentions = hidden, attentions
        self.collate, self.features = Collator(task, labels, model), features

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Outputs:
        device = next(self.model.parameters()).device
        rows: list[FeatureRow] = [
            {"index": row, "feature": self.features[row]} for row in batch["index"].tolist()
        ]
        own = {name: value.to(device) for name, value in self.collate(rows).items()}
        outputs = run_model(self.task, self.model, own, self.hidden, self.attentions)
        if not bool(outputs.logits.isfinite().all()):
            raise UserError(
                f"the teacher {self.model.name_or_path}: its outputs are not finite (nan or "
                "infinity): its weights are damaged"
            )
        return outputs


class CachedTeacher:
    """A teacher whose logits are computed once per feature, for all epochs and seeds, as batches
    come: no more than are used, and a killed run loses nothing.

    The cache is a file of shape (features, outputs), or in half precision (features, outputs,
    longest) where there are logits by position, named by the teacher's files and the features.
    Rows not yet computed hold NaN in their first column.

    Args:
        features: the student's.
        asked: what the teacher is asked for each of them, where its vocabulary is another; its
            logits are carried over by `Task.aligned`.
    """

    def __init__(
        self,
        task: AnyTask,
        model: Model,
        directory: Path,
        features: Sequence[Any],
        labels: Labels | None,
        folder: Path,
        asked: Sequence[Any] | None = None,
    ) -> None:
        self.task, self.model, self.features, self.asked = task, model.eval(), features, asked
        self.collate = Collator(task, labels, model)
        outputs = self._logits([0])[0].shape
        if task.per_token:
            outputs = (*outputs[:-1], max(len(f.input_ids) for f in features))
        kind = np.float16 if task.per_token else np.float32
        path = (
            folder / f"logits-{fingerprint(directory, [*features, *(asked or ())], task, labels)}"
            f"-{'x'.join(map(str, outputs))}.npy"
        )
        if not path.exists():
            # Not through a memory map: on a full disk that would end the process by a bus error.
            with atomic_file(path) as staged:
                np.save(staged, np.full((len(features), *outputs), np.nan, dtype=kind))
        self.cache: np.memmap[Any, np.dtype[np.floating[Any]]] = np.lib.format.open_memmap(
            path, mode="r+"
        )

    def __call__(self, batch: Batch) -> Outputs:
        """Logits of the features of a batch, and nothing else."""
        rows, length = batch["index"].tolist(), batch["input_ids"].shape[1]
        missing = [row for row in rows if np.isnan(self.cache[row, ..., 0]).any()]
        if missing:
            self._compute(missing)
        logits = self.cache[rows]
        if self.task.per_token:
            logits = logits[..., :length]
        return Outputs(torch.from_numpy(np.array(logits, dtype=np.float32)))

    @torch.no_grad()
    def _logits(self, rows: Sequence[int]) -> list[np.ndarray]:
        """The teacher's logits for every row, in the positions of the student's feature."""
        device = next(self.model.parameters()).device
        asked = self.features if self.asked is None else self.asked
        batch = self.collate([{"index": row, "feature": asked[row]} for row in rows])
        own = {name: value.to(device) for name, value in batch.items()}
        logits = run_model(self.task, self.model, own).logits.float().cpu().numpy()
        if self.asked is None:
            return list(logits)
        return [
            self.task.aligned(values, asked[row], self.features[row])
            for row, values in zip(rows, logits, strict=True)
        ]

    def _compute(self, rows: Sequence[int]) -> None:
        block = np.full((len(rows), *self.cache.shape[1:]), PADDING, dtype=self.cache.dtype)
        for place, logits in zip(block, self._logits(rows), strict=True):
            with np.errstate(over="ignore"):
                place[..., : logits.shape[-1]] = logits
        if not np.isfinite(block).all():
            raise UserError(
                f"the teacher {self.model.name_or_path}: its outputs are not finite, or too large "
                f"for {block.dtype}: its weights are damaged"
            )
        self.cache[rows, ..., 1:] = block[..., 1:]
        self.cache[rows, ..., 0] = block[..., 0]  # last: it tells that a row was computed


def fingerprint(
    directory: Path, features: Sequence[Any], task: AnyTask, labels: Labels | None
) -> str:
    """A name for what a teacher would answer: 16 hexadecimal digits of its weight files, its
    configuration and what it is asked."""
    digest = hashlib.sha256(f"{task.name} {labels}".encode())
    modules = (path for folder in directory.glob("[0-9]*_*") for path in folder.iterdir())
    for path in sorted([*directory.iterdir(), *modules]):
        if path.suffix in WEIGHTS or path.name in ("config.json", "modules.json"):
            name = path.relative_to(directory)
            digest.update(f"{name} {path.stat().st_size}".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    for feature in features:
        ids, segments = feature.input_ids, feature.token_type_ids or []
        numbers = [len(ids), *ids, len(segments), *segments]
        digest.update(np.asarray(numbers, dtype=np.int32).tobytes())
    return digest.hexdigest()[:16]
