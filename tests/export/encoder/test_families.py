"""Every family equals `transformers` with every head it has, at several lengths with padding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers

from distill.families.table import FAMILIES
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder, input_names

SIZES = {
    "layers": 2,
    "width": 32,
    "heads": 4,
    "intermediate": 48,
    "vocabulary": 120,
    "positions": 160,
    "embedding_width": 16,
}
TASKS = {
    "qa": transformers.AutoModelForQuestionAnswering,
    "classify": transformers.AutoModelForSequenceClassification,
    "tokens": transformers.AutoModelForTokenClassification,
    "mlm": transformers.AutoModelForMaskedLM,
    "features": transformers.AutoModel,
}
CASES = [
    (name, task)
    for name, family in FAMILIES.items()
    for task in TASKS
    if task == "features" or family.head(task)
]
TOLERANCE = 1e-4


def small_model(name: str, task: str) -> torch.nn.Module:
    """Random weights that differ in every bias and norm too."""
    keys = FAMILIES[name].config_keys
    sizes = {keys[word]: size for word, size in SIZES.items() if word in keys}
    settings = {**sizes, "initializer_range": 0.3, "num_labels": 2 if task == "qa" else 3}
    torch.manual_seed(0)
    model = TASKS[task].from_config(transformers.AutoConfig.for_model(name, **settings)).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data.add_(0.2 * torch.randn_like(parameter))
    return model


def padded_batch(length: int, padding: int) -> dict[str, torch.Tensor]:
    """Rows that are full, half full, and of two tokens."""
    ids = torch.randint(5, 120, (3, length))
    mask = torch.ones_like(ids)
    for row, tokens in ((1, max(2, length // 2)), (2, 2)):
        mask[row, tokens:], ids[row, tokens:] = 0, padding
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": torch.randint(0, 2, ids.shape),
    }


@pytest.mark.parametrize(("name", "task"), CASES)
def test_equals_transformers(name: str, task: str, tmp_path: Path) -> None:
    reference = small_model(name, task)
    reference.save_pretrained(tmp_path)
    checkpoint = load_checkpoint(str(tmp_path))
    names = input_names(checkpoint.config, task)
    offset = checkpoint.config.position_offset
    layouts = checkpoint.config.family.layouts
    models = [build_encoder(checkpoint, task, layout) for layout in layouts]
    for length in (5, 140):
        batch = padded_batch(length, max(offset - 1, 0))
        inputs = {each: batch[each] for each in names}
        with torch.no_grad():
            output = reference(**inputs)
            wanted = [output[key] for key in output if key not in ("pooler_output",)]
            for model in models:
                for expected, found in zip(wanted, model(*inputs.values()), strict=True):
                    assert expected.shape == found.shape
                    different = (expected - found).abs()
                    if expected.shape[:2] == batch["attention_mask"].shape:
                        different = different[batch["attention_mask"].bool()]
                    assert different.max() < TOLERANCE * expected.abs().max()
