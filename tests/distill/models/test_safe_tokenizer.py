"""Tokenizer files and checkpoints from elsewhere: one line, and no waiting."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from distill.console.errors import UserError
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.safe_tokenizer import MOST_GROWTH, tokenizer_from
from export import coreml

TOKENIZER: dict[str, Any] = {
    "version": "1.0",
    "added_tokens": [],
    "model": {
        "type": "WordPiece",
        "unk_token": "a",
        "vocab": {"a": 0},
        "max_input_chars_per_word": 9,
        "continuing_subword_prefix": "##",
    },
}


def replace(content: str, pattern: dict[str, str]) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def written(folder: Path, **values: Any) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(TOKENIZER | values))
    return path


@pytest.mark.parametrize(
    "normalizer",
    [
        replace("a" * 1_000_000, {"String": "a"}),
        replace("a" * (MOST_GROWTH + 1), {"Regex": ""}),
        {"type": "Sequence", "normalizers": [replace("aa", {"String": "a"})] * 30},
    ],
)
def test_tokenizer_that_multiplies_a_text_is_refused(
    normalizer: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="can make a text more than 100 times as long"):
        tokenizer_from(written(tmp_path, normalizer=normalizer))
    pre_tokenizer = {"type": "Sequence", "pretokenizers": [normalizer]}
    with pytest.raises(UserError, match="times as long"):
        tokenizer_from(written(tmp_path, pre_tokenizer=pre_tokenizer))


def test_tokenizers_replacements_that_keep_a_texts_length_are_taken(tmp_path: Path) -> None:
    """As T5's and ALBERT's."""
    steps = [replace('"', {"String": "``"}), replace(" ", {"Regex": " {2,}"}), {"type": "NFKD"}]
    tokenizer_from(written(tmp_path, normalizer={"type": "Sequence", "normalizers": steps}))


@pytest.mark.parametrize("content", ["", "[]", "1", "[" * 100_000, '{"model": ' * 100_000, "\x00"])
def test_tokenizer_file_that_is_damaged_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match="no usable tokenizer") as caught:
        tokenizer_from(tmp_path / "tokenizer.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "1_Pooling/config.json"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_checkpoint_with_a_pipe_or_a_device_is_not_waited_for(
    make: Any, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / name).parent.mkdir(exist_ok=True)
    make(tmp_path / name)
    with pytest.raises(UserError, match=f"{Path(name).name}: not a regular file"):
        checkpoint_directory(str(tmp_path))
    assert coreml.main(["--model", str(tmp_path), "--task", "embed"]) == 2
    assert "not a regular file" in capsys.readouterr().err
