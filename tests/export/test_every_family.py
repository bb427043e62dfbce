"""A task of every model type end to end, against `transformers`: Core AI in Apple's runtime, ONNX.
Core ML has a test of every task and layout, `tests.export.test_every_cell`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from distill.families.table import FAMILIES
from export.bundle.coreai_asset import convert_to_coreai, save_asset
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.proof.coreai_runtime import AppleRuntime
from export.proof.onnx_engine import LENGTHS as ONNX_LENGTHS
from export.proof.proven_onnx import FORMS, export_onnx
from export.proof.witness import read_outputs
from export.tasks.table import task_named
from tests.export.tiny_models import save_checkpoint

TASKS = ("classify", "qa", "mlm", "tokens", "embed", "rank", "features")
"""In turn, so that each is met by some families."""
CASES = [(name, TASKS[index % len(TASKS)]) for index, name in enumerate(FAMILIES)]
LENGTH = 16
METADATA = {"author": "a test", "license": "apache-2.0", "description": "a tiny model"}
needs_coreai = pytest.mark.skipif(
    importlib.util.find_spec("coreai_torch") is None, reason="needs the extra `coreai`"
)


@pytest.mark.slow
@needs_coreai
@pytest.mark.parametrize(("name", "task"), CASES)
def test_core_ai_asset_gives_what_transformers_gives(name: str, task: str, tmp_path: Path) -> None:
    reference = save_checkpoint(name, task, tmp_path / "tiny")
    checkpoint = load_checkpoint(str(tmp_path / "tiny"))
    names = input_names(checkpoint.config, task)
    program = convert_to_coreai(
        build_encoder(checkpoint, task), names, task_named(task).outputs, (LENGTH,)
    )
    save_asset(program, tmp_path / "tiny.aimodel", METADATA)
    ids = torch.randint(5, 60, (1, LENGTH), generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(LENGTH) < LENGTH - 3).long()[None]
    every = {"input_ids": ids, "attention_mask": mask, "token_type_ids": mask.cumsum(1) // 7}
    batch = {each: every[each] for each in names}
    with torch.no_grad():
        wanted = read_outputs(task, reference(**batch), mask)
    found = AppleRuntime(tmp_path / "tiny.aimodel").predict(
        {each: array.numpy().astype(np.int32) for each, array in batch.items()}
    )
    for output, expected in zip(task_named(task).outputs, wanted, strict=True):
        difference = np.abs(found[output] - expected.numpy())
        if task_named(task).per_token:
            difference = difference[mask.bool().numpy()]
        assert difference.max() < 1e-4 * float(expected.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "task"), CASES)
def test_onnx_file_gives_what_transformers_gives(
    name: str, task: str, form: str, tmp_path: Path
) -> None:
    """On texts of any length and masks of any form; the command refuses a file below 90 dB."""
    longest = max(ONNX_LENGTHS) + 2
    save_checkpoint(name, task, tmp_path / "tiny", max_position_embeddings=longest)
    checkpoint = load_checkpoint(str(tmp_path / "tiny"))
    report = export_onnx(checkpoint, task, tmp_path / "tiny.onnx", form=form)
    assert (report.witness or "").startswith("transformers") and report.difference.psnr > 90
