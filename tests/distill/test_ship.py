"""A shipped model is half the size, answers the same, and has a tokenizer of its own task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForQuestionAnswering,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
)

from distill.presets import VOCABULARY_SIZE
from distill.ship import main as ship


@pytest.fixture
def trained(minilm_directory: Path, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=VOCABULARY_SIZE, dim=32, n_layers=1, n_heads=2, hidden_dim=64
    )
    folder = tmp_path / "trained"
    DistilBertForQuestionAnswering(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((minilm_directory / name).read_bytes())
    return folder


def test_shipped_files(trained: Path, minilm_directory: Path, tmp_path: Path) -> None:
    card, output = tmp_path / "card.md", tmp_path / "models" / "tiny"
    card.write_text("# tiny\n", encoding="utf-8")
    assert ship(["--model", str(trained), "--card", str(card), "--output_dir", str(output)]) == 0
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
    options = ["--model", str(tmp_path / "none"), "--card", "card.md", "--output_dir", "out"]
    assert ship(options) == 2
    assert "no checkpoint there" in capsys.readouterr().err
