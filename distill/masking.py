"""Dynamic masking: other positions with every epoch, rare tokens more often.

The reference draws ceil(0.15 x tokens of the batch) positions without replacement, each with
weight max(count, 1)^-0.7 and special tokens with none; of them 80% become [MASK], 10% a random
token and 10% stay (arXiv 1810.04805, appendix A.1; smoothing as XLM, arXiv 1901.07291).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

SHARE = 0.15
SMOOTHING = 0.7
IGNORED = -100


class MaskingCollator:
    """Sequences -> padded ``input_ids``, ``attention_mask`` and ``labels`` (`IGNORED` where no
    token is masked), each (batch, longest). Draws from torch's global generator, which a
    checkpoint saves."""

    def __init__(
        self, counts: np.ndarray, mask_id: int, special: Sequence[int], pad_id: int = 0
    ) -> None:
        self.weights = torch.from_numpy(np.maximum(counts, 1).astype(np.float64) ** -SMOOTHING)
        self.weights[list(special)] = 0
        self.mask_id, self.pad_id = mask_id, pad_id

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        sequences = [torch.as_tensor(row["input_ids"]) for row in rows]
        ids = torch.nn.utils.rnn.pad_sequence(sequences, True, self.pad_id)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(s) for s in sequences], True, 0)
        labels = torch.full_like(ids, IGNORED)
        places = self._places(ids, mask)
        labels.view(-1)[places] = ids.view(-1)[places]
        return {"input_ids": self._masked(ids, places), "attention_mask": mask, "labels": labels}

    def _places(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        weights = self.weights[ids.view(-1)] * mask.view(-1)
        count = min(math.ceil(SHARE * int(mask.sum())), int((weights > 0).sum()))
        return torch.multinomial(weights, count) if count else torch.empty(0, dtype=torch.long)

    def _masked(self, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        draw = torch.rand(len(places))
        replaced = ids.view(-1)[places]
        replaced = torch.where(draw < 0.8, self.mask_id, replaced)
        random = torch.randint(len(self.weights), (len(places),))
        replaced = torch.where(draw >= 0.9, random, replaced)
        ids = ids.clone()
        ids.view(-1)[places] = replaced
        return ids
