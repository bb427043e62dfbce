"""Lengths are no longer than what the library that made a checkpoint reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from distill.console.errors import UserError
from export import coreml
from export.bundle.lengths import check_lengths, longest_input, usual_lengths
from export.checkpoint.reading import load_checkpoint


@pytest.fixture
def sentences(minilm_directory: Path, tmp_path: Path) -> Path:
    """MiniLM, whose texts are cut after 100 tokens."""
    directory = tmp_path / "minilm-100"
    shutil.copytree(minilm_directory, directory)
    path = directory / "sentence_bert_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_seq_length": 100}))
    return directory


def test_lengths_end_where_sentence_transformers_cuts(sentences: Path) -> None:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(sentences), device="cpu", local_files_only=True)
    checkpoint = load_checkpoint(str(sentences), random_weights=True)
    assert longest_input(checkpoint, "embed")[0] == library.max_seq_length == 100
    assert usual_lengths(checkpoint, "embed") == (100,)
    check_lengths(checkpoint, "embed", (32, 100))
    with pytest.raises(UserError, match=r"length 128 is above the 100 tokens \(max_seq_length\)"):
        check_lengths(checkpoint, "embed", (32, 128))


def test_lengths_of_other_tasks_end_with_the_positions(sentences: Path) -> None:
    checkpoint = load_checkpoint(str(sentences), random_weights=True)
    assert usual_lengths(checkpoint, "features") == (128, 192, 256, 384)
    with pytest.raises(UserError, match="length 513 is above the 512 positions"):
        check_lengths(checkpoint, "features", (513,))


def test_lengths_below_ios18_are_the_greatest_that_is_read(sentences: Path) -> None:
    checkpoint = load_checkpoint(str(sentences), random_weights=True)
    assert usual_lengths(checkpoint, "embed", "iOS17") == (100,)
    assert usual_lengths(checkpoint, "features", "iOS17") == (384,)


def test_lengths_above_are_one_line_and_status_2(
    sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--model", str(sentences), "--lengths", "64,128", "--out", str(tmp_path / "out")]
    assert coreml.main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: length 128 is above the 100 tokens")
    assert not (tmp_path / "out").exists()
