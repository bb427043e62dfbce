"""ONNX files are fused, dynamic in length, and agree with PyTorch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder
from export.proof.proven_onnx import OnnxEngine, export_onnx


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


@pytest.mark.parametrize("quantize", ["none", "int8"])
def test_what_onnx_runtime_makes_of_it_has_no_slow_kernel(
    quantize: str, checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "embed")))
    path, optimized = tmp_path / "model.onnx", tmp_path / "optimized.onnx"
    export_onnx(checkpoint, "embed", path, quantize=quantize, verify=False)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(optimized)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(optimized).graph.node
    kinds = Counter(node.op_type for node in nodes)
    layers = checkpoint.config.layers
    assert "SkipLayerNormalization" not in kinds
    assert kinds["LayerNormalization"] == 2 * layers + 1
    if quantize == "none":
        assert kinds["Attention"] == kinds["BiasGelu"] == layers
    else:
        assert kinds["QAttention"] == kinds["FastGelu"] == layers
        products = [node for node in nodes if node.op_type == "DynamicQuantizeMatMul"]
        assert len(products) == 3 * layers
        assert all(len(node.input) == 5 for node in products)  # the last is the bias


def test_without_comparison_there_is_no_figure(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "embed")))
    report = export_onnx(checkpoint, "embed", tmp_path / "model.onnx", verify=False)
    assert report["psnr"] is None
