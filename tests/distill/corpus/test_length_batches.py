"""Order follows from seed and epoch; padding stays small; processes share the work."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from accelerate.data_loader import BatchSamplerShard

from distill.corpus.length_batches import FILLER, FeatureDataset, LengthBatches

LENGTHS = np.clip(np.random.default_rng(0).lognormal(3.6, 0.7, 5003), 12, 512).astype(np.int32)


def rows(batches: LengthBatches, epoch: int) -> list[list[int]]:
    batches.set_epoch(epoch)
    return [[key - epoch * len(LENGTHS) for key in batch] for batch in batches]


@pytest.mark.parametrize(("size", "sequences"), [(5, 5003), (16, 5003), (64, 100_000)])
def test_padding_stays_below_two_percent(size: int, sequences: int) -> None:
    lengths = np.resize(LENGTHS, sequences)
    assert 0 < LengthBatches(lengths, size, seed=1).padding() < 0.02
    chance = np.random.default_rng(0).permutation(sequences)[: sequences // size * size]
    random = lengths[chance].reshape(-1, size)
    assert 1 - random.sum() / (random.max(1) * size).sum() > 0.2  # what grouping spares


def test_an_epoch_has_every_sequence_once_but_for_a_rest() -> None:
    seen = [key for batch in rows(LengthBatches(LENGTHS, 16, 1), 0) for key in batch]
    assert len(seen) == len(set(seen)) == 5003 // 16 * 16
    everything = rows(LengthBatches(LENGTHS, 16, 1, keep_last=True), 0)
    assert sorted(key for batch in everything for key in batch) == list(range(5003))
    assert [len(batch) for batch in everything[-2:]] == [16, 5003 % 16]


def test_the_rest_is_another_with_every_epoch() -> None:
    batches = LengthBatches(LENGTHS, 500, 1)
    left_out = [set(range(5003)) - {k for batch in rows(batches, e) for k in batch} for e in (0, 1)]
    assert left_out[0] != left_out[1]


def test_order_follows_from_seed_and_epoch() -> None:
    batches = LengthBatches(LENGTHS, 16, seed=1)
    assert rows(batches, 0) == rows(LengthBatches(LENGTHS, 16, seed=1), 0)
    assert rows(batches, 0) != rows(batches, 1)
    assert rows(batches, 0) != rows(LengthBatches(LENGTHS, 16, seed=2), 0)
    members = [{tuple(sorted(batch)) for batch in rows(batches, epoch)} for epoch in (0, 1)]
    assert len(members[0] & members[1]) < 0.02 * len(members[0])  # not only another order


def test_batches_of_all_lengths_follow_each_other() -> None:
    means = [LENGTHS[batch].mean() for batch in rows(LengthBatches(LENGTHS, 16, 1), 0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.2


def test_an_epoch_is_a_whole_number_of_steps() -> None:
    assert len(LengthBatches(LENGTHS, 16, 1, batches_per_step=50)) == 300  # of 312
    assert len(LengthBatches(LENGTHS, 16, 1, batches_per_step=400)) == 312  # too few for a step
    assert len(LengthBatches(LENGTHS, 6000, 1, batches_per_step=4)) == 1


def test_processes_take_turns() -> None:
    batches = LengthBatches(LENGTHS, 16, 1, batches_per_step=8)
    whole = rows(batches, 0)
    for process in (0, 1):
        assert list(BatchSamplerShard(batches, 2, process)) == whole[process::2]


@pytest.mark.parametrize("processes", [1, 2, 3, 400])
def test_processes_share_every_row_once_when_the_last_batch_is_kept(processes: int) -> None:
    batches = LengthBatches(LENGTHS, 16, 1, keep_last=True, processes=processes)
    alone = [batch for batch in batches if batch != [FILLER]]
    shards = [
        list(BatchSamplerShard(batches, processes, process, even_batches=even))
        for process, even in zip(range(processes), itertools.cycle([True, False]))
    ]
    assert {len(shard) for shard in shards} == {-(-313 // processes)}
    turns = [batch for turn in zip(*shards, strict=True) for batch in turn]
    assert turns == [*alone, *[[FILLER]] * (-313 % processes)]
    assert sorted(key for batch in alone for key in batch) == list(range(5003))


def test_features_are_named_by_row_in_every_epoch() -> None:
    features = [SimpleNamespace(input_ids=[0] * length) for length in (3, 9, 5)]
    dataset = FeatureDataset(features)
    batches = LengthBatches(dataset.lengths, 2, 1, keep_last=True)
    for epoch in (0, 1):
        batches.set_epoch(epoch)
        found = [dataset[key] for batch in batches for key in batch]
        assert sorted(row["index"] for row in found) == [0, 1, 2]
        assert all(row["feature"] is features[row["index"]] for row in found)
    assert dataset[FILLER]["index"] == FILLER


def test_longest_batch_has_the_longest_sequences() -> None:
    longest = LengthBatches(LENGTHS, 16, 1).longest()
    assert sorted(LENGTHS[longest]) == sorted(LENGTHS)[-16:]
