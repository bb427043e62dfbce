"""Checkpoints from elsewhere: what is read, what is refused, and what it costs to refuse it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import load_file, save_file

from distill.console.errors import UserError
from export.checkpoint.reading import encoder_config, load_checkpoint, read_weights
from export.encoder.task_model import build_encoder
from export.proof.proven_bundle import parameters
from tests.export.tiny_models import save_checkpoint

SMALL = {
    "model_type": "distilbert",
    "vocab_size": 50,
    "n_layers": 1,
    "dim": 8,
    "n_heads": 2,
    "hidden_dim": 16,
    "max_position_embeddings": 16,
}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"vocab_size": -5}, "a size below 1"),
        ({"hidden_dim": 0}, "a size below 1"),
        ({"vocab_size": 10**13}, "asks for .* parameters"),
        ({"n_layers": 10**9}, "n_layers 1000000000 is not a whole number"),
        ({"dim": float("inf")}, "whole number"),
        ({"dim": None}, "no usable"),
        ({"id2label": {"first": "yes"}}, "no usable"),
        ({"id2label": [5]}, "numbers its labels 5 to 5"),
        ({"is_decoder": True}, "a decoder"),
        ({"position_embedding_type": "relative_key"}, "'relative_key' position embeddings"),
        ({"model_type": ["bert"]}, "is not supported"),
    ],
)
def test_absurd_configurations(entries: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        encoder_config(SMALL | entries, "model")


@pytest.mark.parametrize(
    "stored", [[1, 2], torch.zeros(2), {"a": 1}, {1: torch.zeros(1)}, {"a": {"b": torch.zeros(1)}}]
)
def test_a_pickle_of_something_else(stored: object, tmp_path: Path) -> None:
    torch.save(stored, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="not a table of named tensors"):
        read_weights(tmp_path)


def test_a_bin_holds_what_safetensors_hold(
    checkpoint_directory: Callable[[str, str], Path], tmp_path: Path
) -> None:
    directory = checkpoint_directory("distilbert", "qa")
    torch.save(load_file(directory / "model.safetensors"), tmp_path / "pytorch_model.bin")
    expected, found = read_weights(directory), read_weights(tmp_path)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_stored_weights_are_not_copied(checkpoint_directory: Callable[[str, str], Path]) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "qa")))
    model = build_encoder(checkpoint, "qa")
    stored = (checkpoint.weights or {})["embeddings.word_embeddings.weight"]
    assert model.encoder.word_embeddings.weight.data_ptr() == stored.data_ptr()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(
    value: float, checkpoint_directory: Callable[[str, str], Path]
) -> None:
    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "qa")))
    weights = dict(checkpoint.weights or {})
    weights["qa_outputs.bias"] = torch.tensor([0.0, value])
    with pytest.raises(UserError, match=r"qa_outputs\.bias holds values that are not finite"):
        build_encoder(replace(checkpoint, weights=weights), "qa")


@pytest.mark.parametrize(
    ("break_folder", "message"),
    [
        (lambda d, w: (d / "adapter_config.json").write_text("{}"), "has an adapter"),
        (lambda d, w: w.update({"qa_outputs.lora_A": torch.ones(2, 2)}), "uses qa_outputs.lora_A"),
        (lambda d, w: w.update({"qa_outputs.bias": torch.ones(2).to(torch.int8)}), "as int8"),
        (
            lambda d, w: [w.update({f"module.{k}": w.pop(k)}) for k in list(w)],
            r"named module\.",
        ),
    ],
    ids=["adapter", "lora inside", "int8", "wrapped"],
)
def test_weights_that_transformers_would_not_load_so_are_refused(
    break_folder: Callable, message: str, broken: Path
) -> None:
    weights = load_file(broken / "model.safetensors")
    break_folder(broken, weights)
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=message):
        build_encoder(load_checkpoint(str(broken)), "qa")


def test_only_the_files_that_transformers_loads_are_read(broken: Path) -> None:
    expected = read_weights(broken)
    other = {name: tensor + 1 for name, tensor in expected.items()}
    save_file(other, broken / "model_ema.safetensors", metadata={"format": "pt"})
    found = read_weights(broken)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    (broken / "model.safetensors").unlink()
    index = {"weight_map": dict.fromkeys(expected, "model-00001-of-00001.safetensors")}
    (broken / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="which is not in the folder"):
        read_weights(broken)


def test_the_architecture_decides_the_head(
    broken: Path, change_config: Callable[..., None]
) -> None:
    change_config(broken, architectures=["DistilBertForTokenClassification"])
    with pytest.raises(UserError, match="is a DistilBertForTokenClassification, not made for"):
        build_encoder(load_checkpoint(str(broken)), "qa")


def test_a_directory_with_the_name_of_a_preset_has_no_tokenizer_of_that(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps(SMALL))
    checkpoint = load_checkpoint(str(tmp_path / "bert"), random_weights=True)
    assert checkpoint.tokenizer_directory is None


@pytest.mark.parametrize("stored", [True, False])
def test_a_tied_output_layer_is_counted_once(stored: bool, tmp_path: Path) -> None:
    model = transformers.DistilBertForMaskedLM(transformers.DistilBertConfig(**SMALL))
    model.save_pretrained(tmp_path)
    checkpoint = load_checkpoint(str(tmp_path), random_weights=not stored)
    assert parameters(build_encoder(checkpoint, "mlm")) == model.num_parameters()


def test_a_directory_is_named_by_itself(
    checkpoint_directory: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = checkpoint_directory("distilbert", "qa")
    monkeypatch.chdir(directory)
    assert load_checkpoint(".").name == directory.name


def test_a_hub_id_keeps_its_name_and_source(
    checkpoint_directory: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's client gives a folder that is named by a hash."""
    directory = checkpoint_directory("distilbert", "qa")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(directory))
    checkpoint = load_checkpoint("someone/some-model")
    assert (checkpoint.name, checkpoint.source) == ("some-model", "someone/some-model")


def test_a_hub_id_brings_the_weights_of_every_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a Dense in a folder of its own, also in the layout that has the encoder in one."""
    library = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer import modules

    save_checkpoint("bert", "embed", tmp_path / "encoder")
    encoder = modules.Transformer(str(tmp_path / "encoder"))
    parts = [encoder, modules.Pooling(16), modules.Dense(16, 8)]
    stored = tmp_path / "stored"
    library.SentenceTransformer(modules=parts, device="cpu").save(str(stored))
    (stored / "model_best.pt").write_text("of no use")

    def download(_: str, allow_patterns: list[str]) -> str:
        names = [str(path.relative_to(stored)) for path in stored.rglob("*") if path.is_file()]
        for name in filter_repo_objects(names, allow_patterns=allow_patterns):
            (tmp_path / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(stored / name, tmp_path / "cache" / name)
        return str(tmp_path / "cache")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    kinds = [step.kind for step in load_checkpoint("someone/some-model").modules.steps]
    assert kinds == ["Dense"] and not (tmp_path / "cache" / "model_best.pt").exists()
    shutil.rmtree(tmp_path / "cache")
    inside = stored / "0_Transformer"
    inside.mkdir()
    for name in ("config.json", "model.safetensors"):
        (stored / name).rename(inside / name)
    entries = json.loads((stored / "modules.json").read_text())
    entries[0]["path"] = inside.name
    (stored / "modules.json").write_text(json.dumps(entries))
    checkpoint = load_checkpoint("someone/some-model")
    assert checkpoint.weights and checkpoint.name == "some-model"
    assert build_encoder(checkpoint, "embed") is not None


def test_a_hub_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> str:
        raise ConnectionError("several\nlines")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    with pytest.raises(UserError, match=r"the hub did not give one \(ConnectionError\)"):
        load_checkpoint("someone/some-model")
