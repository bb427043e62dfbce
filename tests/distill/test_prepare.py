"""A corpus made once, and opened by a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.prepare import main
from distill.pretrain import main as pretrain


def test_a_corpus_is_made_once(
    small_teacher: Path, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--model", str(small_teacher), "--text", str(text_file), "--batch_size", "4"]
    line += ["--corpus_dir", str(tmp_path / "corpus"), "--sequence_length", "64"]
    assert main([*line, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    described = json.loads((tmp_path / "corpus" / "corpus.json").read_text())
    text = text_file.read_bytes()
    assert described["text_bytes"] == len(text) - text.count(b"\n")
    assert first["sequences"] == described["sequences"] > 50
    assert (
        min(first["bytes_per_second"], first["bytes_per_cpu_second"]) > 0
        and 0 <= first["padding"] < 0.1
    )
    assert main([*line, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == {**first, "bytes_per_second": None, "bytes_per_cpu_second": None}
    left = tmp_path / ".corpus.staged-abcdefgh"  # killed when the corpus had its name
    left.mkdir(mode=0o700)
    assert main(line) == 0
    assert "made before" in capsys.readouterr().out and not left.exists()


def test_number_of_machines_changes_nothing_of_a_training(
    small_teacher: Path, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three machines have the text in folders of their own."""
    common = ["--sequence_length", "48"]
    prepare = ["--model", str(small_teacher), *common]
    assert main([*prepare, "--text", str(text_file), "--out", str(tmp_path / "whole")]) == 0
    for number in (2, 3, 1):
        own = tmp_path / f"machine-{number}" / text_file.name
        own.parent.mkdir()
        own.write_bytes(text_file.read_bytes())
        line = ["--text", str(own), "--out", str(tmp_path / "parts"), "--part", f"{number}/3"]
        assert main([*prepare, *line]) == 0
    capsys.readouterr()
    assert main([*prepare, "--text", str(text_file), "--out", str(tmp_path / "parts")]) == 0
    assert "made before" in capsys.readouterr().out
    logs = []
    for name in ("whole", "parts"):
        line = ["--teacher", str(small_teacher), "--layers", "2", "--text", str(text_file), *common]
        line += ["--corpus_dir", str(tmp_path / name), "--held_out", "0.1", "--max_steps", "4"]
        line += ["--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "2"]
        line += ["--logging_steps", "1", "--save_strategy", "no", "--report_to", "none"]
        assert pretrain([*line, "--out", str(tmp_path / f"of-{name}")]) == 0
        metrics = json.loads((tmp_path / f"of-{name}" / "metrics.json").read_text())
        losses = [row["loss"] for row in metrics["log"] if "loss" in row]
        logs.append((losses, metrics["evaluation"]))
    assert logs[0] == logs[1] and len(logs[0][0]) == 4


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--model", "nowhere", "no such checkpoint folder"),
        ("--text", "nowhere.txt", "no such file"),
        ("--sequence_length", "13", "14 or more"),
        ("--sequence_length", "65", "takes inputs of at most 64 tokens, not 65"),
        ("--sequence_length", "many", "invalid int value"),
        ("--colour", "red", "unknown option --colour"),
    ],
)
def test_options_that_cannot_be_are_one_line(
    small_teacher: Path, text_file: Path, tmp_path: Path, capsys, option, value, message
) -> None:
    line = ["--model", str(small_teacher), "--text", str(text_file), "--sequence_length", "64"]
    assert main([*line, "--corpus_dir", str(tmp_path / "c"), option, value]) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
