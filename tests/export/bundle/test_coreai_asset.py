"""Core AI assets of tiny models, run by Apple's own runtime, against `transformers`."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from distill.console.errors import UserError
from distill.models.presets import preset_directory
from export.bundle import coreai_asset
from export.bundle.bundle_folder import directory_size
from export.bundle.coreai_asset import (
    ASSET_COMPRESSIONS,
    compress_asset,
    convert_to_coreai,
    operations_of,
    require_coreai,
    save_asset,
)
from export.checkpoint.reading import Checkpoint, load_checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.proof.coreai_runtime import AppleRuntime
from export.tasks.model_inputs import Inputs
from export.tasks.table import TASKS

needs_coreai = pytest.mark.skipif(
    importlib.util.find_spec("coreai_torch") is None, reason="needs the extra `coreai`"
)
LENGTHS = (8, 24)
METADATA = {"author": "distilkit", "license": "apache-2.0", "description": "a tiny model"}
BERT = {
    "vocab_size": 512,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 72,
    "max_position_embeddings": 32,
}
DISTILBERT = {
    "vocab_size": 512,
    "dim": 48,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 72,
    "max_position_embeddings": 32,
}
MODELS = {
    ("bert", "qa"): "BertForQuestionAnswering",
    ("bert", "classify"): "BertForSequenceClassification",
    ("bert", "mlm"): "BertForMaskedLM",
    ("distilbert", "qa"): "DistilBertForQuestionAnswering",
    ("distilbert", "classify"): "DistilBertForSequenceClassification",
    ("distilbert", "mlm"): "DistilBertForMaskedLM",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """``(model type, task) -> directory`` of a checkpoint of `transformers` with random weights
    that are large enough to tell one model from another."""
    import transformers

    source = preset_directory("qa-mini")
    assert source is not None

    def make(model_type: str, task: str) -> Path:
        directory = tmp_path_factory.mktemp(f"{model_type}-{task}")
        sizes = BERT if model_type == "bert" else DISTILBERT
        torch.manual_seed(0)
        config = transformers.AutoConfig.for_model(model_type, **sizes, num_labels=2)
        model = getattr(transformers, MODELS[model_type, task])(config)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.2)
        model.save_pretrained(directory)
        shutil.copy(source / "tokenizer.json", directory)
        return directory

    return make


def written(checkpoint: Checkpoint, task: str, folder: Path, quantize: str = "none") -> Path:
    model = build_encoder(checkpoint, task)
    names = input_names(checkpoint.config, task)
    program = convert_to_coreai(model, names, TASKS[task].outputs, LENGTHS)
    path = folder / f"{quantize}.aimodel"
    save_asset(compress_asset(program, quantize, model), path, METADATA | {"distilkit.task": task})
    return path


def inputs_of(length: int, names: tuple[str, ...]) -> Inputs:
    """Random ids with a padded end; segments where the model takes them."""
    ids = np.random.default_rng(length).integers(5, 512, (1, length)).astype(np.int32)
    mask = np.ones((1, length), np.int32)
    mask[:, length - 3 :] = 0
    segments = np.zeros((1, length), np.int32)
    segments[:, length // 2 :] = 1
    arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}
    return {name: arrays[name] for name in names}


@needs_coreai
@pytest.mark.parametrize(("model_type", "task"), MODELS)
@pytest.mark.slow
def test_asset_gives_what_transformers_gives(
    model_type: str, task: str, tiny: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """Every entry point, in Apple's runtime, against the library that made the checkpoint."""
    import transformers

    directory = tiny(model_type, task)
    library = getattr(transformers, MODELS[model_type, task]).from_pretrained(directory).eval()
    runtime = AppleRuntime(written(load_checkpoint(directory), task, tmp_path))
    names = input_names(load_checkpoint(directory).config, task)
    for length in LENGTHS:
        data = inputs_of(length, names)
        with torch.no_grad():
            expected = library(**{name: torch.from_numpy(data[name]).long() for name in names})
        found = runtime.predict(data)
        for name in TASKS[task].outputs:
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(found[name], expected[name].numpy(), atol=1e-4)


@needs_coreai
@pytest.mark.slow
def test_asset_is_smaller_by_the_bits_of_its_weights(
    tiny: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """Each quantization stores every large weight, and its outputs stay near the float ones."""
    model = build_encoder(load_checkpoint(tiny("distilbert", "qa")), "qa")
    program = convert_to_coreai(model, ("input_ids", "attention_mask"), TASKS["qa"].outputs, (24,))
    paths = {name: tmp_path / f"{name}.aimodel" for name in ASSET_COMPRESSIONS}
    for name, path in paths.items():
        save_asset(compress_asset(program, name, model), path, METADATA)
    sizes = {name: directory_size(path) for name, path in paths.items()}
    assert sizes["none"] > sizes["int8"] > sizes["int4"]
    assert sizes["none"] > sizes["lut8"] > sizes["lut6"] > sizes["lut4"]
    data = inputs_of(24, ("input_ids", "attention_mask"))
    outputs = {name: AppleRuntime(path).predict(data) for name, path in paths.items()}
    reference = outputs["none"]["start_logits"]
    spread = float(reference.std())
    errors = {name: np.abs(out["start_logits"] - reference).max() for name, out in outputs.items()}
    assert errors["int8"] < 0.1 * spread and errors["lut8"] < 0.1 * spread
    assert errors["int4"] > errors["int8"] and errors["lut4"] > errors["lut6"] > errors["lut8"]


@needs_coreai
@pytest.mark.slow
def test_palette_holds_weights_above_six(tiny: Callable[[str, str], Path], tmp_path: Path) -> None:
    """The fast mode of `coreai-opt` makes such a weight infinite and the outputs NaN."""
    checkpoint = load_checkpoint(tiny("distilbert", "qa"))
    assert checkpoint.weights is not None
    checkpoint.weights["embeddings.word_embeddings.weight"][7, 3] = 9.0
    runtime = AppleRuntime(written(checkpoint, "qa", tmp_path, "lut8"))
    outputs = runtime.predict(inputs_of(8, ("input_ids", "attention_mask")))
    assert np.isfinite(outputs["start_logits"]).all()


@needs_coreai
def test_asset_says_whose_it_is(tiny: Callable[[str, str], Path], tmp_path: Path) -> None:
    path = written(load_checkpoint(tiny("bert", "classify")), "classify", tmp_path)
    metadata = json.loads((path / "metadata.json").read_text())
    assert (metadata["author"], metadata["license"]) == ("distilkit", "apache-2.0")
    assert metadata["creatorDefinedMetadata"] == {"distilkit.task": "classify"}
    assert operations_of(path)["softmax"] == 2 * len(LENGTHS)


@pytest.mark.slow
@needs_coreai
def test_runtime_refuses_what_the_asset_does_not_take(
    tiny: Callable[[str, str], Path], tmp_path: Path
) -> None:
    asset = written(load_checkpoint(tiny("distilbert", "qa")), "qa", tmp_path)
    runtime = AppleRuntime(asset)
    with pytest.raises(UserError, match="no entry point length_16; length_8, length_24"):
        runtime.predict(inputs_of(16, ("input_ids", "attention_mask")))
    with pytest.raises(UserError, match="takes input_ids, attention_mask, not input_ids"):
        runtime.predict(inputs_of(8, ("input_ids",)))
    with pytest.raises(UserError, match="not a Core AI asset"):
        AppleRuntime(tmp_path / "absent.aimodel")
    program = asset / "main.mlirb"
    program.write_bytes(program.read_bytes()[:-1])
    with pytest.raises(UserError, match="broken"):
        AppleRuntime(asset)


@needs_coreai
def test_quantization_that_core_ai_lacks_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="w8a8 is not for Core AI"):
        compress_asset(None, "w8a8", torch.nn.Linear(2, 2))


def test_absent_packages_are_one_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreai_asset, "MODULES", ("coreai_absent",))
    with pytest.raises(UserError, match=r"needs coreai_absent.*pip install .*\[coreai\]"):
        require_coreai()
