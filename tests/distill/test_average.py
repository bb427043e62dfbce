"""The mean of checkpoints is a checkpoint, and others than of one architecture are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

from distill.average import main as average


@pytest.fixture
def tuned(small_teacher: Path, tmp_path: Path) -> Path:
    """The small teacher after a step of fine-tuning, as far as averaging is concerned."""
    model = AutoModelForMaskedLM.from_pretrained(small_teacher)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.1 * torch.randn_like(weight)
    model.save_pretrained(tmp_path / "tuned")
    return tmp_path / "tuned"


def line(*models: Path, output: Path) -> list[str]:
    return ["--models", *map(str, models), "--output_dir", str(output)]


def test_every_weight_is_the_mean(small_teacher: Path, tuned: Path, tmp_path: Path) -> None:
    output = tmp_path / "mean"
    assert average(line(small_teacher, small_teacher, tuned, output=output)) == 0
    first, other, mean = (
        AutoModelForMaskedLM.from_pretrained(folder).state_dict()
        for folder in (small_teacher, tuned, output)
    )
    for name, weight in mean.items():
        torch.testing.assert_close(weight, (2 * first[name] + other[name]) / 3)
    assert (output / "tokenizer.json").read_bytes() == (
        small_teacher / "tokenizer.json"
    ).read_bytes()


def test_another_architecture_is_refused(small_teacher: Path, tmp_path: Path, capsys) -> None:
    config = BertConfig.from_pretrained(small_teacher, num_hidden_layers=2)
    BertForMaskedLM(config).save_pretrained(tmp_path / "shallow")
    assert average(line(small_teacher, tmp_path / "shallow", output=tmp_path / "mean")) == 2
    assert "num_hidden_layers is 2 in config.json, but 4 in" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()


def test_mean_of_one_model_is_refused(small_teacher: Path, tmp_path: Path, capsys) -> None:
    assert average(line(small_teacher, output=tmp_path / "mean")) == 2
    assert "two checkpoints or more" in capsys.readouterr().err


def test_damaged_weights_are_refused(
    small_teacher: Path, tuned: Path, tmp_path: Path, capsys
) -> None:
    weights = tuned / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert average(line(small_teacher, tuned, output=tmp_path / "mean")) == 2
    assert "cannot be loaded" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_left_alone(
    small_teacher: Path, tuned: Path, capsys
) -> None:
    before = sorted(tuned.iterdir())
    assert average(line(small_teacher, tuned, output=tuned)) == 2
    assert "is not empty" in capsys.readouterr().err
    assert sorted(tuned.iterdir()) == before


def test_mean_of_labels_in_another_order_is_refused(
    checkpoints: dict[str, Path], tmp_path: Path, capsys
) -> None:
    other = shutil.copytree(checkpoints["sst2"], tmp_path / "other")
    path = other / "config.json"
    labels = {"0": "positive", "1": "negative"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "id2label": labels}))
    assert average(line(checkpoints["sst2"], other, output=tmp_path / "mean")) == 2
    assert "other: id2label is {'0': 'positive'" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()
