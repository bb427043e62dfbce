"""The witness is the library that made a folder, and every stored weight is accounted for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from distill.console.errors import UserError
from export import coreml, predict
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.proof.witness import load_witness
from export.tasks.asked_task import asked_task
from export.tasks.model_inputs import padded
from tests.export.tiny_models import save_checkpoint

sentence_transformers = pytest.importorskip("sentence_transformers")
modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
QUERY = "Who repairs the clock?"
PASSAGES = ("The ferry crossed the strait.", "A watchmaker repairs the clock every spring.")


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head of one row, as `transformers` saves it."""
    folder = tmp_path_factory.mktemp("reranker")
    save_checkpoint("bert", "rank", folder)
    return folder


def saved(reranker: Path, folder: Path, activation: torch.nn.Module | None) -> Path:
    """The folder that the library of today writes."""
    model = sentence_transformers.CrossEncoder(str(reranker), activation_fn=activation)
    model.save(str(folder))
    return folder


def older(entries: dict[str, Any]) -> Callable[[Path, Path], Path]:
    """A folder that an older version wrote: no modules.json, a word in config.json."""

    def write(reranker: Path, folder: Path) -> Path:
        shutil.copytree(reranker, folder)
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))
        return folder

    return write


IDENTITY = "torch.nn.modules.linear.Identity"
FOLDERS: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "6, default": (lambda model, folder: saved(model, folder, None), "sigmoid"),
    "6, identity": (lambda model, folder: saved(model, folder, torch.nn.Identity()), "identity"),
    "5": (older({"sentence_transformers": {"activation_fn": IDENTITY}}), "identity"),
    "3": (older({"sbert_ce_default_activation_function": IDENTITY}), "identity"),
    "3, null": (older({"sbert_ce_default_activation_function": None}), "sigmoid"),
}


@pytest.mark.parametrize("version", FOLDERS)
def test_cross_encoder_of_every_version_is_its_own_witness(
    version: str, reranker: Path, tmp_path: Path
) -> None:
    write, activation = FOLDERS[version]
    folder = write(reranker, tmp_path / "model")
    assert asked_task(str(folder), None) == "rank"
    witness, checkpoint = load_witness(load_checkpoint(str(folder)), "rank")
    assert witness.name.startswith("sentence-transformers")
    assert checkpoint.score_activation(rows=1) == witness.activation == activation
    witness.check_settings({"activation": activation})
    other = {"identity": "sigmoid", "sigmoid": "identity"}[activation]
    with pytest.raises(UserError, match=f"go through {other}, those of sentence-transformers"):
        witness.check_settings({"activation": other})


@pytest.mark.slow
@pytest.mark.parametrize("version", ["6, default", "6, identity"])
def test_predict_gives_the_scores_of_the_cross_encoder(
    version: str, reranker: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = FOLDERS[version][0](reranker, tmp_path / "model")
    out = tmp_path / "out"
    assert coreml.main(["--model", str(folder), "--lengths", "64,128", "--out", str(out)]) == 0
    assert "Within tolerance of" in capsys.readouterr().out
    settings = json.loads((out / "model.json").read_text())
    assert (settings["task"], settings["activation"]) == ("rank", FOLDERS[version][1])
    passages = tmp_path / "passages.txt"
    passages.write_text("\n".join(PASSAGES))
    question = ["--text", QUERY, "--passage", str(passages), "--json"]
    assert predict.main([str(out), *question]) == 0
    found = {e["text"]: e["score"] for e in json.loads(capsys.readouterr().out)["passages"]}
    model = sentence_transformers.CrossEncoder(str(folder))
    expected = model.predict([(QUERY, passage) for passage in PASSAGES])
    assert [found[passage] for passage in PASSAGES] == pytest.approx(expected.tolist(), abs=2e-3)


def test_cross_encoder_of_several_classes_classifies(tmp_path: Path) -> None:
    save_checkpoint("bert", "classify", tmp_path / "plain")
    folder = saved(tmp_path / "plain", tmp_path / "model", None)
    assert asked_task(str(folder), None) == "classify"
    with pytest.raises(UserError, match=r"made for classify \(CrossEncoder\), not for --task rank"):
        asked_task(str(folder), "rank")
    with pytest.raises(UserError, match=r"made for classify \(CrossEncoder\), not for --task emb"):
        asked_task(str(folder), "embed")
    witness, _ = load_witness(load_checkpoint(str(folder)), "classify")
    assert witness.name.startswith("sentence-transformers")


def change_settings(folder: Path, name: str, **entries: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_activation_and_modules_that_are_unknown_are_refused(
    reranker: Path, tmp_path: Path
) -> None:
    folder = saved(reranker, tmp_path / "model", None)
    name = "config_sentence_transformers.json"
    for path in ("mine.Scaled", "torch.nn.modules.activation.Tanh"):
        change_settings(folder, name, activation_fn=path)
        with pytest.raises(UserError, match=rf"unknown activation_fn '{path}'"):
            load_checkpoint(str(folder)).score_activation(rows=1)
    entries = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*entries, dense]))
    with pytest.raises(UserError, match="module Dense of a CrossEncoder is not supported"):
        _ = load_checkpoint(str(folder)).modules


def test_inner_folder_of_an_old_layout_has_the_library_as_witness(tmp_path: Path) -> None:
    save_checkpoint("bert", "embed", tmp_path / "encoder")
    parts = [
        modules.Transformer(str(tmp_path / "encoder"), max_seq_length=40),
        modules.Pooling(16, pooling_mode="cls"),
    ]
    folder = tmp_path / "model"
    sentence_transformers.SentenceTransformer(modules=parts, device="cpu").save(str(folder))
    assert load_checkpoint(str(folder)).modules.longest == 40
    entries = json.loads((folder / "modules.json").read_text())
    inside = folder / "0_Transformer"
    inside.mkdir()
    outside = {"modules.json", "config_sentence_transformers.json", "1_Pooling", inside.name}
    for path in [*folder.iterdir()]:
        if path.name not in outside:
            path.rename(inside / path.name)
    entries[0]["path"] = inside.name
    (folder / "modules.json").write_text(json.dumps(entries))
    witness, checkpoint = load_witness(load_checkpoint(str(folder)), "embed")
    assert witness.name.startswith("sentence-transformers")
    assert checkpoint.modules.pooling == ("cls",)
    assert checkpoint.modules.longest == 40


def add_weights(folder: Path, *names: str) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path) | {name: torch.zeros(2, 2) for name in names}
    save_file(weights, path, metadata={"format": "pt"})


def test_weights_that_nothing_uses_are_refused_or_said(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    save_checkpoint("bert", "classify", folder)
    witness, _ = load_witness(load_checkpoint(str(folder)), "features")
    assert witness.unread == ("classifier.bias", "classifier.weight")
    assert load_witness(load_checkpoint(str(folder)), "classify")[0].unread == ()
    beyond = "bert.encoder.layer.7.output.dense.weight"
    add_weights(folder, beyond, "bert.encoder.layer.8.output.dense.weight")
    for task in ("classify", "features"):
        with pytest.raises(UserError, match=f"no use for {beyond} and 1 more"):
            load_witness(load_checkpoint(str(folder)), task)


def test_sentence_model_with_a_weight_too_many_is_refused(tmp_path: Path) -> None:
    """The library itself loads it without a word."""
    save_checkpoint("bert", "embed", tmp_path / "encoder")
    parts = [modules.Transformer(str(tmp_path / "encoder")), modules.Pooling(16)]
    folder = tmp_path / "model"
    sentence_transformers.SentenceTransformer(modules=parts, device="cpu").save(str(folder))
    add_weights(folder, "encoder.layer.0.attention.self.query.lora_A")
    with pytest.raises(UserError, match=r"no use for encoder.*lora_A"):
        load_witness(load_checkpoint(str(folder)), "embed")
    with pytest.raises(UserError, match="no module of a bert uses"):
        build_encoder(load_checkpoint(str(folder)), "embed")


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod."])
def test_weights_that_another_tool_wrapped_are_named(prefix: str, tmp_path: Path) -> None:
    save_checkpoint("bert", "classify", tmp_path)
    path = tmp_path / "model.safetensors"
    weights = {f"{prefix}{name}": tensor for name, tensor in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"its weights are named {prefix}"):
        load_witness(load_checkpoint(str(tmp_path)), "classify")


def test_output_layer_that_differs_from_the_embeddings_is_not_tied(tmp_path: Path) -> None:
    """As the library has it, whatever the configuration says."""
    model = save_checkpoint("bert", "mlm", tmp_path)
    path = tmp_path / "model.safetensors"
    weights, decoder = load_file(path), model.cls.predictions.decoder
    weights["cls.predictions.decoder.weight"] = decoder.weight.detach() + 0.1
    weights["cls.predictions.decoder.bias"] = decoder.bias.detach() - 0.1
    save_file(weights, path, metadata={"format": "pt"})
    witness, checkpoint = load_witness(load_checkpoint(str(tmp_path)), "mlm")
    given = padded([5, 9, 20], [0, 0, 0], 8)
    names = input_names(checkpoint.config, "mlm")
    (found,) = build_encoder(checkpoint, "mlm")(*(torch.from_numpy(given[n]) for n in names))
    expected = torch.from_numpy(witness.predict(given)["logits"])
    torch.testing.assert_close(found[:, :3], expected[:, :3], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, model(torch.from_numpy(given["input_ids"])).logits)
