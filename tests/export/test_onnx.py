"""ONNX files are fused, dynamic in length, take any mask, and agree with transformers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import transformers

from distill.console.errors import UserError
from export import onnx as command
from export.checkpoint.reading import Checkpoint, load_checkpoint
from export.encoder.task_model import TaskModel, build_encoder
from export.proof import proven_onnx
from export.proof.onnx_engine import OnnxEngine, masked_batches
from export.proof.proven_onnx import METADATA, export_onnx, has_vnni
from export.tasks.model_inputs import padded
from tests.export.conftest import ENTRIES
from tests.export.proof.test_gate import HEADS, late_positions, no_segments
from tests.export.tiny_models import save_checkpoint

Spoil = Callable[[torch.nn.Module], object]


@pytest.mark.parametrize("model_type", ["bert", "distilbert"])
def test_every_layer_is_fused_and_every_length_runs(
    model_type: str, checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory(model_type, "qa")))
    report = export_onnx(checkpoint, "qa", tmp_path / "model.onnx")
    assert report.fused_attention == checkpoint.config.layers
    engine = OnnxEngine(tmp_path / "model.onnx")
    model = build_encoder(checkpoint, "qa")
    for length in (5, 200, 512):
        ids = np.random.default_rng(length).integers(999, ENTRIES, (2, length))
        mask = np.ones_like(ids)
        mask[1, length // 2 :] = 0
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        with torch.no_grad():
            expected = model(*(torch.from_numpy(inputs[name]) for name in engine.names))
        found = engine.predict(inputs)
        for wanted, name in zip(expected, ("start_logits", "end_logits"), strict=True):
            np.testing.assert_allclose(found[name][mask == 1], wanted.numpy()[mask == 1], atol=1e-4)


@pytest.mark.slow
def test_int8_is_a_quarter_and_agrees(minilm_directory: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint("minilm")
    report = export_onnx(checkpoint, "embed", tmp_path / "model.onnx", quantize="int8")
    assert report.bytes < 24e6
    assert report.difference.psnr > 25
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize(("labels", "seed"), HEADS)
def test_a_sound_int8_file_passes_and_one_with_a_wrong_layer_does_not(
    labels: int, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 7 bits, and with 8 where this CPU has VNNI: elsewhere sums of products of 8 bits
    overflow, and the same file is right on one CPU and wrong on another."""
    folder, out = tmp_path / "head", tmp_path / "model.onnx"
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = save_checkpoint(
        "bert", "classify", folder, num_labels=labels, intermediate_size=128, **sizes
    )
    torch.manual_seed(seed)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.02)
    model.save_pretrained(folder)
    checkpoint = load_checkpoint(str(folder))
    for vnni in {has_vnni(), False}:
        report = export_onnx(checkpoint, "classify", out, quantize="int8", vnni=vnni, replace=True)
        assert report.weight_bits == (8 if vnni else 7)
        assert report.least_psnr < report.difference.psnr
    for spoil in (late_positions, no_segments):

        def spoiled(checkpoint: Checkpoint, task: str, spoil: Spoil = spoil) -> TaskModel:
            model = build_encoder(checkpoint, task)
            with torch.no_grad():
                spoil(model)
            return model

        monkeypatch.setattr(proven_onnx, "build_encoder", spoiled)
        with pytest.raises(UserError, match=r"differs from transformers .*: PSNR .* dB, below"):
            export_onnx(checkpoint, "classify", out, quantize="int8", replace=True)
    monkeypatch.setattr(proven_onnx, "has_vnni", lambda: False)
    with pytest.raises(UserError, match="8 bits overflow on this CPU, which has no VNNI"):
        export_onnx(checkpoint, "classify", out, quantize="int8", vnni=True, replace=True)


MASKS = {
    "padded behind": [[1] * 16, [1] * 9 + [0] * 7, [1] * 3 + [0] * 13],
    "padded before": [[1] * 16, [0] * 7 + [1] * 9, [0] * 13 + [1] * 3],
    "with holes": [[1] * 16, [1] * 3 + [0] * 3 + [1] * 10, [1] * 8 + [0] + [1] * 7],
}


def test_any_mask_gives_what_transformers_gives(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    directory = checkpoint_directory("bert", "classify")
    checkpoint = load_checkpoint(str(directory))
    report = export_onnx(checkpoint, "classify", tmp_path / "model.onnx")
    assert report.fused_attention == checkpoint.config.layers
    assert (report.witness or "").startswith("transformers")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
    engine = OnnxEngine(tmp_path / "model.onnx")
    ids = np.random.default_rng(0).integers(1000, ENTRIES, (3, 16))
    for name, rows in MASKS.items():
        mask = np.array(rows)
        with torch.no_grad():
            expected = model(torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        np.testing.assert_allclose(
            engine.predict(inputs)["logits"], expected.numpy(), atol=1e-4, err_msg=name
        )


def test_the_masks_that_are_compared_differ() -> None:
    rows = [padded(range(5, 5 + count), [0] * count, 12) for count in (12, 9, 6)]
    behind, before, holes = (batch["attention_mask"] for batch in masked_batches(rows))
    assert behind.sum(axis=1).tolist() == [12, 4, 2]
    assert behind[:, 0].all() and not behind[1:, -1].any()
    assert before[:, -1].all() and not before[1:, 0].any()
    assert holes[0].tolist() == [1, 1, 0] * 4


def test_a_file_that_takes_no_other_padding_is_refused(
    checkpoint_directory: Callable[[str, str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("export.encoder.bert.additive", lambda mask, dtype: 0 * mask.to(dtype))
    checkpoint = load_checkpoint(str(checkpoint_directory("bert", "classify")))
    with pytest.raises(UserError, match="differs from transformers"):
        export_onnx(checkpoint, "classify", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.slow
def test_random_weights_are_those_of_the_witness(tmp_path: Path) -> None:
    checkpoint = load_checkpoint("qa-mini", random_weights=True)
    report = export_onnx(checkpoint, "qa", tmp_path / "model.onnx")
    assert report.random_weights
    assert (report.witness or "").startswith("transformers")
    assert report.difference.psnr > 90


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
    assert kinds["Attention"] == layers
    assert kinds["Expand"] <= 1  # all layers have the same mask
    if quantize == "none":
        assert kinds["BiasGelu"] == layers
    else:
        assert kinds["Gelu"] == kinds["DynamicQuantizeLinear"] == layers
        products = [node for node in nodes if node.op_type == "DynamicQuantizeMatMul"]
        assert len(products) == 3 * layers
        # input, weight, its scale and no zero point, bias
        assert all(len(node.input) == 5 and not node.input[3] for node in products)
        projections = [node for node in nodes if node.op_type == "MatMulIntegerToFloat"]
        assert len(projections) == 3 * layers  # of queries, keys and values
        assert all(len(node.input) == 7 for node in projections)


def test_figure_needs_a_comparison(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "embed")))
    report = export_onnx(checkpoint, "embed", tmp_path / "model.onnx", verify=False)
    assert report.difference is None


def test_plain_operators_are_taken_by_the_providers_of_phones(tmp_path: Path) -> None:
    """On batches of different lengths too: the command refuses a file below 90 dB."""
    for name, task in (("distilbert", "qa"), ("bert", "classify")):
        save_checkpoint(name, task, tmp_path / name)
        checkpoint = load_checkpoint(str(tmp_path / name))
        out = tmp_path / f"{name}.onnx"
        report = export_onnx(checkpoint, task, out, form="mobile")
        coreml, nnapi = report.providers
        assert coreml.left == ("Gather",) and coreml.taken >= coreml.nodes - 3
        assert nnapi.left == ("Shape",) and nnapi.taken == nnapi.nodes - 1
        assert report.difference.psnr > 90
        kinds = Counter(node.op_type for node in onnx.load(out).graph.node)
        assert not {"Erf", "LayerNormalization", "Attention", "Constant", "Concat"} & {*kinds}


def test_dynamic_int8_is_refused_for_phones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--for", "mobile", "--quantize", "int8", "--out", str(tmp_path / "x.onnx")]
    assert command.main(options) == 2
    assert "--quantize int8 is not for --for mobile" in capsys.readouterr().err


@pytest.mark.parametrize("quantize", ["none", "int8"])
def test_weights_too_large_for_one_file_are_beside_it(
    quantize: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.bundle.onnx_graph.LARGEST_FILE", 5_000)
    folder, tmp_path = tmp_path_factory.mktemp("tiny"), tmp_path_factory.mktemp("out")
    save_checkpoint("distilbert", "classify", folder)
    checkpoint = load_checkpoint(str(folder))
    out = tmp_path / "model.onnx"
    stranger = tmp_path / "model.onnx.data"
    stranger.write_text("mine")
    report = export_onnx(checkpoint, "classify", out, quantize=quantize)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model.onnx",
        "model.onnx.data",
        "model.onnx1.data",
    ]
    beside = tmp_path / "model.onnx1.data"
    assert beside.stat().st_size > 5_000
    assert report.bytes == out.stat().st_size + beside.stat().st_size
    ids = np.ones((1, 5), np.int64)
    found = OnnxEngine(out).predict({"input_ids": ids, "attention_mask": ids})
    assert np.isfinite(found["logits"]).all()
    monkeypatch.undo()
    export_onnx(checkpoint, "classify", out, quantize=quantize, verify=False, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert stranger.read_text() == "mine"


@pytest.mark.parametrize(("form", "positions"), [("cpu", 3), ("mobile", 64)])
def test_checkpoint_of_few_positions_is_exported(form: str, positions: int, tmp_path: Path) -> None:
    save_checkpoint("bert", "classify", tmp_path / "tiny", max_position_embeddings=positions)
    options = ["--model", str(tmp_path / "tiny"), "--for", form, "--out", str(tmp_path / "t.onnx")]
    assert command.main(options) == 0


def test_threshold_of_no_answer_is_in_the_metadata(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    folder, out = checkpoint_directory("distilbert", "qa"), tmp_path / "qa.onnx"
    options = ["--model", str(folder), "--no-answer-threshold", "1.5", "--no-verify"]
    assert command.main([*options, "--out", str(out)]) == 0
    stored = {each.key: each.value for each in onnx.load(out).metadata_props}
    settings = json.loads(stored[METADATA])
    assert settings["no_answer_threshold"] == 1.5
    assert (settings["task"], settings["tokenizer"]) == ("qa", "wordpiece")
    classifier = checkpoint_directory("distilbert", "classify")
    assert command.main(["--model", str(classifier), *options[2:], "--out", str(out)]) == 2
