"""ONNX files are fused, dynamic in length, and agree with PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from export.checkpoint import load_checkpoint
from export.encoder import build_encoder
from export.onnx_graph import OnnxEngine, export_onnx


@pytest.mark.parametrize("model_type", ["bert", "distilbert"])
def test_every_layer_is_fused_and_every_length_runs(
    model_type: str, checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory(model_type, "qa")))
    report = export_onnx(checkpoint, "qa", tmp_path / "model.onnx")
    assert report["fused_attention"] == checkpoint.config.layers
    engine = OnnxEngine(tmp_path / "model.onnx")
    model = build_encoder(checkpoint, "qa")
    for length in (5, 200, 512):
        ids = np.random.default_rng(length).integers(999, 20_000, (2, length))
        mask = np.ones_like(ids)
        mask[1, length // 2 :] = 0
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        with torch.no_grad():
            expected = model(*(torch.from_numpy(inputs[name]) for name in engine.names))
        found = engine.predict(inputs)
        for wanted, name in zip(expected, ("start_logits", "end_logits"), strict=True):
            np.testing.assert_allclose(found[name][mask == 1], wanted.numpy()[mask == 1], atol=1e-4)


def test_int8_is_a_quarter_and_agrees(minilm_directory: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint("minilm")
    report = export_onnx(checkpoint, "embed", tmp_path / "model.onnx", quantize="int8")
    assert report["bytes"] < 24e6
    assert report["psnr"] > 25
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
