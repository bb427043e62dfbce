"""A tokenizer is read once in an export, and again where a file of it changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers

from export.checkpoint import tokenizer_file
from export.checkpoint.reading import load_checkpoint
from export.checkpoint.tokenizer_file import lower_case, read_tokenizer, special_ids, tokenizer_of


def test_tokenizer_is_read_once(
    minilm_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "minilm"
    shutil.copytree(minilm_directory, directory)
    read, original = [], transformers.AutoTokenizer.from_pretrained

    def counted(*arguments: Any, **options: Any) -> Any:
        read.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", counted)
    own, read_object = [], tokenizer_file.read_object
    monkeypatch.setattr(
        tokenizer_file, "read_object", lambda path: own.append(path) or read_object(path)
    )
    checkpoint = load_checkpoint(str(directory), random_weights=True)
    content = read_tokenizer(checkpoint)
    assert read_tokenizer(checkpoint) == content
    assert special_ids(checkpoint)["cls"] == 101
    assert tokenizer_of(checkpoint).encode("a").ids[0] == 101
    assert len(read) == len(own) == 1
    assert lower_case(content)
    settings = directory / "tokenizer_config.json"  # which transformers believes
    changed = json.loads(settings.read_text(encoding="utf-8")) | {"do_lower_case": False}
    settings.write_text(json.dumps(changed), encoding="utf-8")
    assert not lower_case(read_tokenizer(checkpoint))
    assert len(read) == len(own) == 2
