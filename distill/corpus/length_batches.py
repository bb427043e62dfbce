"""Batches of sequences of nearly one length: padding stays below 2% of a batch.

Order and membership follow from the seed and the epoch alone, so a resumed run, or one of several
processes, sees what an uninterrupted single process sees. The epoch travels inside the index of a
sequence (``epoch * sequences + row``): whoever gets an index knows both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypedDict

import numpy as np
from torch.utils.data import Dataset, Sampler

from distill.corpus.shards import Corpus

JITTER = 0.01
"""Lengths are ordered up to this share of chance, so that an epoch forms other batches; with
sequences of one length together, padding stays below twice of it."""
FILLER = -1
"""The key of a row that does not count: a process is given it where there is no batch left for it,
so that all processes take as many steps."""


class SequenceRow(TypedDict):
    """A sequence of a corpus, int64, and the key that names it and its epoch."""

    input_ids: np.ndarray
    key: int


class ModelInput(Protocol):
    """What a model is given for an example: ids, and the segment of each where there are two."""

    @property
    def input_ids(self) -> list[int]:
        """Ids of all tokens, without padding."""

    @property
    def token_type_ids(self) -> list[int] | None:
        """The segment of each token; None where the tokenizer tells none."""


class FeatureRow(TypedDict):
    """A feature of a task, and which one it is."""

    index: int
    feature: Any


Row = SequenceRow | FeatureRow


class Sequences(Dataset[SequenceRow]):
    """Rows of a corpus by the indices of `LengthBatches`; ``rows`` are those that belong to it."""

    def __init__(self, corpus: Corpus, rows: np.ndarray) -> None:
        self.corpus, self.rows = corpus, rows
        self.lengths = corpus.lengths[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: int) -> SequenceRow:
        """``input_ids`` of a sequence, int64, and the ``key`` that names it and its epoch."""
        return {"input_ids": self.corpus[int(self.rows[key % len(self)])], "key": key}


class FeatureDataset(Dataset[FeatureRow]):
    """Features of a task, which have ``input_ids``, by the indices of `LengthBatches`."""

    def __init__(self, features: Sequence[ModelInput]) -> None:
        self.features = features
        self.lengths = np.array([len(feature.input_ids) for feature in features])

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, key: int) -> FeatureRow:
        """A ``feature`` and its ``index``, which is `FILLER` for one that does not count."""
        index = key % len(self)
        return {"index": FILLER if key == FILLER else index, "feature": self.features[index]}


class LengthBatches(Sampler[list[int]]):
    """Yields the indices of a batch; an epoch is a whole number of optimizer steps.

    Sequences left over from the last step, others with every epoch, wait for the next epoch, so
    that every step has its full batch however many processes share it. With ``keep_last``, as for
    fine-tuning or an evaluation, every sequence is given; with too few for one step, all full
    batches are, as many for every process. A process that would be left without a batch is given
    a `FILLER`.

    Args:
        lengths: of the sequences.
        batches_per_step: gradient accumulation times processes.
        keep_last: give the last batch too, which may not be full.
        processes: that take turns.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        batch_size: int,
        seed: int,
        batches_per_step: int = 1,
        keep_last: bool = False,
        processes: int = 1,
    ) -> None:
        # Not `batch_size`: Accelerate would fill up batches below it with other rows.
        self.lengths, self.size, self.seed = lengths, batch_size, seed
        self.batches_per_step, self.processes = batches_per_step, processes
        self.keep_last = keep_last or len(lengths) < batch_size
        self.epoch = 0

    def __len__(self) -> int:
        return self.count + self.fillers

    @property
    def count(self) -> int:
        """Batches of an epoch, without fillers."""
        full, rest = divmod(len(self.lengths), self.size)
        if self.keep_last:
            return full + bool(rest)
        return full - full % self.batches_per_step or full - full % self.processes

    @property
    def fillers(self) -> int:
        """Processes that have no batch in the last turn of an epoch."""
        return -self.count % self.processes

    def set_epoch(self, epoch: int) -> None:
        """Give the batches of this epoch, counted from 0, at the next iteration."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        first = self.epoch * len(self.lengths)
        for rows in self.rows(self.epoch):
            yield [int(row) + first for row in rows]
        yield from [[FILLER]] * self.fillers

    def rows(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of every batch of an epoch, in order."""
        chance = np.random.default_rng([self.seed, epoch])
        order = chance.permutation(len(self.lengths))
        if not self.keep_last:
            order = order[: self.count * self.size]
        key = self.lengths[order] * (1 + JITTER * chance.random(len(order)))
        order = order[np.argsort(key, kind="stable")]
        batches = np.split(order, range(self.size, len(order), self.size))
        full = len(batches) - (len(batches[-1]) < self.size)
        return [batches[i] for i in [*chance.permutation(full), *range(full, len(batches))]]

    def longest(self) -> list[int]:
        """The batch that needs the most memory."""
        return [int(row) for row in np.argsort(self.lengths)[-self.size :]]

    def padding(self, epoch: int = 0) -> float:
        """Share of padding in all positions of an epoch."""
        positions = tokens = 0
        for rows in self.rows(epoch):
            lengths = self.lengths[rows]
            positions += int(lengths.max()) * len(rows)
            tokens += int(lengths.sum())
        return 1 - tokens / positions
