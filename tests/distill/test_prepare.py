"""A corpus made once, and opened by a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.prepare import main


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
