"""Dynamic masking: other positions with every epoch, rare tokens more often.

The reference draws ceil(0.15 x tokens of the batch) positions without replacement, each with
weight max(count, 1)^-0.7 and special tokens with none; of them 80% become [MASK], 10% a random
token and 10% stay (arXiv 1810.04805, appendix A.1; smoothing as XLM, arXiv 1901.07291).

The draw of a batch follows from the seed, the epoch and the sequences in it alone. So it is the
same whichever process of a run sees the batch, and the same after a run was stopped and resumed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch

from distill.corpus.length_batches import FILLER, SequenceRow
from distill.losses.triple import IGNORED

SHARE = 0.15
SMOOTHING = 0.7
MASK_BELOW, RANDOM_ABOVE = 0.8, 0.9


class MaskingCollator:
    """Sequences -> padded ``input_ids``, ``attention_mask`` and ``labels`` (`IGNORED` where no
    token is masked), each (batch, longest).

    Args:
        counts: how often each id occurs in the corpus, (vocabulary,).
        special: ids that are never masked.
        seed: of the draws.
    """

    def __init__(
        self,
        counts: np.ndarray,
        mask_id: int,
        special: Sequence[int],
        pad_id: int = 0,
        seed: int = 0,
    ) -> None:
        self.weights = torch.from_numpy(np.maximum(counts, 1).astype(np.float64) ** -SMOOTHING)
        self.weights[list(special)] = 0
        self.mask_id, self.pad_id, self.seed = mask_id, pad_id, seed

    def __call__(self, rows: Sequence[SequenceRow]) -> dict[str, torch.Tensor]:
        """Rows of ``input_ids`` (ids of one sequence) and ``key`` (an integer that names the
        sequence and its epoch); in a `FILLER` no token is masked."""
        generator = self._generator([int(row["key"]) for row in rows])
        sequences = [torch.as_tensor(row["input_ids"]) for row in rows]
        ids = torch.nn.utils.rnn.pad_sequence(sequences, True, self.pad_id)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(s) for s in sequences], True, 0)
        labels = torch.full_like(ids, IGNORED)
        places = torch.empty(0, dtype=torch.long)
        if rows[0]["key"] != FILLER:
            places = self._places(ids, mask, generator)
        labels.view(-1)[places] = ids.view(-1)[places]
        masked = self._masked(ids, places, generator)
        return {"input_ids": masked, "attention_mask": mask, "labels": labels}

    def _generator(self, keys: list[int]) -> torch.Generator:
        digest = hashlib.blake2b(np.array([self.seed, *keys], np.int64).tobytes(), digest_size=7)
        return torch.Generator().manual_seed(int.from_bytes(digest.digest(), "little"))

    def _places(
        self, ids: torch.Tensor, mask: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        weights = self.weights[ids.view(-1)] * mask.view(-1)
        count = min(math.ceil(SHARE * int(mask.sum())), int((weights > 0).sum()))
        if not count:
            return torch.empty(0, dtype=torch.long)
        return torch.multinomial(weights, count, generator=generator)

    def _masked(
        self, ids: torch.Tensor, places: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        draw = torch.rand(len(places), generator=generator)
        replaced = torch.where(draw < MASK_BELOW, self.mask_id, ids.view(-1)[places])
        random = torch.randint(len(self.weights), (len(places),), generator=generator)
        # RoBERTa counts positions from the ids: padding inside a text would move all that follow.
        random = torch.where(random == self.pad_id, self.mask_id, random)
        replaced = torch.where(draw >= RANDOM_ABOVE, random, replaced)
        ids = ids.clone()
        ids.view(-1)[places] = replaced
        return ids
