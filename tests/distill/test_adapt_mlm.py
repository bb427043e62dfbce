"""An encoder without MLM head gets one, its encoder left alone at first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM

from distill.adapt_mlm import main
from distill.finetune import main as finetune
from distill.pretrain import main as pretrain


def line(**options: object) -> list[str]:
    return [part for key, value in options.items() for part in (f"--{key}", str(value))]


@pytest.mark.slow
def test_a_headless_encoder_becomes_a_teacher(
    small_teacher: Path, text_file: Path, tmp_path: Path
) -> None:
    headless = tmp_path / "headless"
    encoder = AutoModelForMaskedLM.from_pretrained(small_teacher).base_model
    encoder.save_pretrained(headless)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (headless / name).write_bytes((small_teacher / name).read_bytes())
    common = {
        "text": text_file,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "max_steps": 3,
        "sequence_length": 64,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
    }
    own = {"model": headless, "output_dir": tmp_path / "out", "frozen_steps": 4, "held_out": 0.1}
    assert main(line(**own, **common)) == 0
    before = encoder.state_dict()
    frozen, free = (
        AutoModelForMaskedLM.from_pretrained(tmp_path / "out" / part).base_model.state_dict()
        for part in ("frozen", "")
    )
    assert all(torch.equal(frozen[name], before[name]) for name in frozen)
    assert any(not torch.equal(free[name], before[name]) for name in free)
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert report["evaluation"]["perplexity"] > 1
    # L_ce takes it as a teacher.
    options = {"teacher": tmp_path / "out", "layers": 2, "output_dir": tmp_path / "student"}
    assert pretrain(line(**options, **common)) == 0
    # And --force runs both phases again, with other settings too.
    again = {**common, "max_steps": 2, "force": True}
    assert main(line(**own, **again)) == 0
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["steps"] == 2


def test_the_folder_of_another_run_is_left_alone(
    small_teacher: Path, text_file: Path, tmp_path: Path, capsys
) -> None:
    """By the first phase too, which has a folder of its own in it."""
    for name in ("run.json", "metrics.json"):
        (tmp_path / name).write_text('{"seed": 1}')
    options = {"model": small_teacher, "text": text_file, "output_dir": tmp_path}
    assert main(line(**options, sequence_length=64, max_steps=1, use_cpu=True)) == 2
    assert "holds a run with" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "metrics.json"}


def test_finetune_names_the_command_for_text_without_labels(tmp_path: Path, capsys) -> None:
    for task in ("mlm", "MLM"):
        assert finetune(line(task=task, model="minilm", out=tmp_path / "out")) == 2
        (printed,) = capsys.readouterr().err.splitlines()
        assert "distill.adapt_mlm" in printed
    (tmp_path / "run.yaml").write_text("task: mlm\nmodel: minilm\n")
    assert finetune([str(tmp_path / "run.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert "distill.adapt_mlm" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
