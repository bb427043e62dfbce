"""DeBERTa's distances are those of `transformers` at the published sizes; half precision holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

from export.checkpoint.reading import load_checkpoint
from export.encoder.deberta import distance_rows, shifted
from export.encoder.task_model import build_encoder
from tests.export.tiny_models import small_model

HALF_LIMIT = 65504.0
"""The largest number of half precision."""


@pytest.mark.parametrize(("buckets", "farthest"), [(256, 512), (-1, 512), (32, 128)])
def test_rows_of_distances_are_those_of_transformers(buckets: int, farthest: int) -> None:
    longest, span = 512, buckets if buckets > 0 else farthest
    places = torch.zeros(1, longest, 1)
    expected = build_relative_position(places, places, buckets, farthest)[0]
    expected = (expected + span).clamp(0, 2 * span - 1)
    rows = distance_rows(longest, buckets, farthest, span)
    query, key = torch.meshgrid(torch.arange(longest), torch.arange(longest), indexing="ij")
    assert torch.equal(rows[query - key + longest - 1], expected)


def test_shift_puts_each_distance_into_its_column() -> None:
    length = 5
    scores = torch.arange(2.0 * length * (2 * length - 1)).view(1, 2, length, 2 * length - 1)
    row, column = torch.meshgrid(torch.arange(length), torch.arange(length), indexing="ij")
    assert torch.equal(shifted(scores), scores[:, :, row, column - row + length - 1])


def test_half_precision_neither_overflows_nor_knows_rows_of_padding(tmp_path: Path) -> None:
    """Products of queries and keys past the largest number, which the scores are not."""
    settings = {"num_attention_heads": 1, "hidden_size": 64, "num_hidden_layers": 1}
    reference = small_model("deberta-v2", "features", {**settings, "embedding_size": 64})
    attention = reference.encoder.layer[0].attention.self
    with torch.no_grad():
        for projection in (attention.query_proj, attention.key_proj):
            projection.weight.copy_(torch.eye(64) * 45.0)
    reference.save_pretrained(tmp_path)
    model = build_encoder(load_checkpoint(str(tmp_path)), "features")
    ids, mask = torch.randint(5, 60, (2, 24)), torch.ones(2, 24, dtype=torch.long)
    mask[1, 2:] = 0
    with torch.no_grad():
        (found,) = model.half()(ids, mask, torch.zeros_like(ids))
        whole = model.float().encoder
        hidden = whole.embed(ids, torch.zeros_like(ids))
        layer = whole.layers[0]
        products = layer.query(hidden) @ layer.key(hidden).transpose(1, 2)
        expected = reference(ids, mask).last_hidden_state
    assert products.abs().max() > HALF_LIMIT
    assert found.isfinite().all()
    difference = (found.float() - expected)[mask.bool()].abs()
    assert difference.max() < 0.02 * expected.abs().max()
