"""A shipped model is half the size, answers the same, and has a tokenizer of its own task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
)

from distill.models.presets import VOCABULARY_SIZE
from distill.ship import main as ship


def trained_model(kind: Any, minilm_directory: Path, folder: Path) -> Path:
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=VOCABULARY_SIZE, dim=32, n_layers=1, n_heads=2, hidden_dim=64
    )
    kind(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((minilm_directory / name).read_bytes())
    return folder


@pytest.fixture
def trained(minilm_directory: Path, tmp_path: Path) -> Path:
    return trained_model(DistilBertForQuestionAnswering, minilm_directory, tmp_path / "trained")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.md"
    path.write_text("# tiny\n", encoding="utf-8")
    return path


def line(model: Path, card: Path, output: Path) -> list[str]:
    return ["--model", str(model), "--card", str(card), "--output_dir", str(output)]


def test_shipped_folder_has_the_files_of_a_release(
    trained: Path, card: Path, minilm_directory: Path, tmp_path: Path
) -> None:
    output = tmp_path / "models" / "tiny"
    assert ship(line(trained, card, output)) == 0
    weights = [folder / "model.safetensors" for folder in (trained, output)]
    assert weights[1].stat().st_size < 0.51 * weights[0].stat().st_size
    assert (output / "README.md").read_text() == "# tiny\n"
    assert (output / "vocab.txt").read_bytes() == (minilm_directory / "vocab.txt").read_bytes()
    tokenizer = Tokenizer.from_file(str(output / "tokenizer.json"))
    assert tokenizer.padding is None and tokenizer.truncation is None
    assert "name_or_path" not in json.loads((output / "tokenizer_config.json").read_text())
    ids = torch.tensor([tokenizer.encode("Which gas makes bread rise?").ids])
    with torch.no_grad():
        before, after = (
            AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)(ids)
            for folder in (trained, output)
        )
    torch.testing.assert_close(after.start_logits, before.start_logits, atol=1e-3, rtol=0)


def test_a_checkpoint_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ship(line(tmp_path / "none", Path("card.md"), tmp_path / "out")) == 2
    assert "no such checkpoint folder" in capsys.readouterr().err


def test_a_classifier_keeps_its_head(card: Path, minilm_directory: Path, tmp_path: Path) -> None:
    kind = DistilBertForSequenceClassification
    source, output = trained_model(kind, minilm_directory, tmp_path / "trained"), tmp_path / "out"
    assert ship(line(source, card, output)) == 0
    before, after = (
        AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
        for folder in (source, output)
    )
    assert after.config.architectures == [kind.__name__]
    weights = before.classifier.weight
    torch.testing.assert_close(after.classifier.weight, weights, atol=1e-4, rtol=0)


@pytest.mark.parametrize("architectures", [None, ["NoSuchModel"]])
def test_a_model_of_an_unknown_class_is_refused(
    architectures: list[str] | None, trained: Path, card: Path, tmp_path: Path, capsys
) -> None:
    config = json.loads((trained / "config.json").read_text())
    (trained / "config.json").write_text(json.dumps({**config, "architectures": architectures}))
    assert ship(line(trained, card, tmp_path / "out")) == 2
    assert "does not name a class of transformers" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_damaged_weights_are_refused(trained: Path, card: Path, tmp_path: Path, capsys) -> None:
    weights = trained / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert ship(line(trained, card, tmp_path / "out")) == 2
    assert "cannot be loaded" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_shipped_model_is_replaced(trained: Path, card: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert ship(line(trained, card, output)) == 0
    card.write_text("# another\n", encoding="utf-8")
    assert ship(line(trained, card, output)) == 0
    assert (output / "README.md").read_text() == "# another\n"


@pytest.mark.parametrize("other", ["run.json", "checkpoint-500/model.safetensors"])
def test_anything_else_is_refused_and_left_alone(
    other: str, trained: Path, card: Path, tmp_path: Path, capsys
) -> None:
    """A run, for example, or a folder of runs."""
    output = tmp_path / "runs"
    (output / other).parent.mkdir(parents=True)
    for name in ("config.json", other):
        (output / name).write_text("{}")
    before = sorted(output.rglob("*"))
    assert ship(line(trained, card, output)) == 2
    assert "something other than a shipped model" in capsys.readouterr().err
    assert sorted(output.rglob("*")) == before
