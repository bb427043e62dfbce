"""Every family equals `transformers` with every task it has, at several lengths with padding: the
cells that `python -m export.support` prints, in every layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distill.families.table import FAMILIES
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.proof.witness import READERS
from export.support import supports
from export.tasks.table import TASKS
from tests.export.tiny_models import SIZES, small_model

CASES: list[tuple[str, str, dict[str, Any]]] = [
    (name, task, {}) for name in FAMILIES for task in TASKS if supports(FAMILIES[name], task)
]
"""Model type, task, settings of config.json."""
VARIANTS: list[tuple[str, str, dict[str, Any]]] = [
    ("albert", "mlm", {"num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2}),
    ("albert", "features", {"embedding_size": 16, "hidden_act": "relu"}),
]
"""What the configurations of a family may say besides its defaults."""
LENGTHS = (5, 140)
TOLERANCE = 1e-4


def padded_batch(length: int, padding: int) -> dict[str, torch.Tensor]:
    """Rows that are full, half full, and of two tokens."""
    ids = torch.randint(5, SIZES["vocabulary"], (3, length))
    mask = torch.ones_like(ids)
    for row, tokens in ((1, max(2, length // 2)), (2, 2)):
        mask[row, tokens:], ids[row, tokens:] = 0, padding
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": torch.randint(0, 2, ids.shape),
    }


@pytest.mark.parametrize(("name", "task", "settings"), [*CASES, *VARIANTS], ids=str)
def test_equals_transformers(
    name: str, task: str, settings: dict[str, Any], tmp_path: Path, record_property: Any
) -> None:
    reference = small_model(name, task, settings)
    reference.save_pretrained(tmp_path)
    checkpoint = load_checkpoint(str(tmp_path))
    names = input_names(checkpoint.config, task)
    layouts = checkpoint.config.family.layouts
    models = [build_encoder(checkpoint, task, layout) for layout in layouts]
    worst = 0.0
    for length in LENGTHS:
        batch = padded_batch(length, max(checkpoint.config.position_offset - 1, 0))
        mask, inputs = batch["attention_mask"], {each: batch[each] for each in names}
        with torch.no_grad():
            wanted = READERS[task](reference(**inputs), mask)
            for model in models:
                for expected, found in zip(wanted, model(*inputs.values()), strict=True):
                    assert expected.shape == found.shape
                    different = (expected - found).abs()
                    if TASKS[task].per_token:
                        different = different[mask.bool()]
                    worst = max(worst, float(different.max() / expected.abs().max()))
    record_property("largest_relative_difference", worst)
    assert worst < TOLERANCE
