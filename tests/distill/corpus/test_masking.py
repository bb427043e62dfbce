"""15% of a batch, rare tokens first, 80/10/10, and the same draw for the same sequences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from distill.corpus.masking import MaskingCollator

PAD, CLS, SEP, MASK, VOCABULARY = 0, 1, 2, 3, 1000
SPECIAL = (PAD, CLS, SEP, MASK)
COMMON, RARE = 10, 20  # ids


def collator(seed: int = 0) -> MaskingCollator:
    counts = np.full(VOCABULARY, 100)
    counts[COMMON], counts[RARE] = 100_000, 10
    return MaskingCollator(counts, MASK, SPECIAL, PAD, seed)


def batch(lengths: list[int], keys: list[int] | None = None) -> list[dict[str, Any]]:
    generator = np.random.default_rng(1)
    rows = [
        np.array([CLS, *generator.integers(30, VOCABULARY, length - 2), SEP]) for length in lengths
    ]
    keys = keys or list(range(len(rows)))
    return [{"input_ids": ids, "key": key} for ids, key in zip(rows, keys, strict=True)]


def test_as_many_as_the_reference_masks_and_never_special_tokens() -> None:
    rows = batch([50, 31, 12, 44])
    found = collator()(rows)
    masked = found["labels"] != -100
    assert masked.sum() == math.ceil(0.15 * (50 + 31 + 12 + 44))
    assert found["attention_mask"].sum(1).tolist() == [50, 31, 12, 44]
    assert not torch.isin(found["labels"], torch.tensor(SPECIAL)).any()
    original = torch.zeros_like(found["input_ids"])
    for row, ids in zip(original, rows, strict=True):
        row[: len(ids["input_ids"])] = torch.as_tensor(ids["input_ids"])
    assert torch.equal(found["labels"][masked], original[masked])
    assert torch.equal(found["input_ids"][~masked], original[~masked])


def test_masked_positions_become_mask_or_random_or_stay_by_80_10_10() -> None:
    found = collator()(batch([500] * 100))
    masked = found["labels"] != -100
    ids, labels = found["input_ids"][masked], found["labels"][masked]
    share = [(ids == MASK).float().mean(), (ids == labels).float().mean()]
    assert share[0] == pytest.approx(0.8, abs=0.025)
    assert share[1] == pytest.approx(0.1, abs=0.02)


def test_padding_is_never_a_random_token() -> None:
    """RoBERTa counts positions from the ids: those after it would move by one."""
    few = MaskingCollator(np.full(8, 100), MASK, SPECIAL, PAD)
    rows = [{"input_ids": np.array([CLS, *[5, 6, 7] * 60, SEP]), "key": key} for key in range(60)]
    found = few(rows)
    assert not (found["input_ids"][found["attention_mask"] == 1] == PAD).any()


def test_rare_tokens_are_favoured_by_the_power_of_0_7() -> None:
    """With few draws of many, chances stand as the weights: (10,000)^0.7 = 631 to 1."""
    ids = np.full(4000, COMMON)
    ids[:400] = RARE
    rare = common = 0
    for key in range(300):
        places = collator()._places(
            torch.as_tensor(ids[None]),
            torch.nn.functional.pad(torch.ones(1, 4000, dtype=torch.long), (0, 0)),
            torch.Generator().manual_seed(key),
        )[:20]  # the first draws, before rare tokens run out
        rare += int((torch.as_tensor(ids)[places] == RARE).sum())
        common += int((torch.as_tensor(ids)[places] == COMMON).sum())
    wanted = 400 * 10**-0.7 / (400 * 10**-0.7 + 3600 * 100_000**-0.7)
    assert rare / (rare + common) == pytest.approx(wanted, abs=0.01)


def test_the_draw_follows_from_seed_and_sequences_alone() -> None:
    rows = batch([60, 61, 62])
    first = collator()(rows)["input_ids"]
    torch.manual_seed(1234)
    torch.rand(7)
    assert torch.equal(collator()(rows)["input_ids"], first)
    assert not torch.equal(collator(seed=1)(rows)["input_ids"], first)
    next_epoch = batch([60, 61, 62], keys=[3, 4, 5])
    assert not torch.equal(collator()(next_epoch)["input_ids"], first)


def test_batch_without_a_token_to_mask_stays_as_it_is() -> None:
    found = collator()([{"input_ids": np.array([CLS, SEP]), "key": 0}])
    assert (found["labels"] == -100).all()
