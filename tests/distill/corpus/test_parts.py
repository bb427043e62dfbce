"""A corpus made in parts is the corpus made at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.console.errors import UserError
from distill.corpus import portions, shards
from distill.corpus.corpus_folder import prepare_corpus
from distill.corpus.parts import part_numbers
from distill.corpus.shards import Corpus
from distill.models.tokenizer import load_tokenizer


@pytest.fixture
def tokenizer(small_teacher: Path) -> Any:
    return load_tokenizer(small_teacher)


def sequences(corpus: Corpus) -> list[tuple[int, ...]]:
    return [tuple(map(int, corpus[index])) for index in range(len(corpus))]


@pytest.mark.parametrize("shard_tokens", [200, 2**27], ids=["many shards", "one shard"])
def test_parts_read_together_are_the_whole(
    shard_tokens: int,
    tokenizer: Any,
    text_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In its order, with texts that are split and dropped."""
    monkeypatch.setattr(shards, "SHARD_TOKENS", shard_tokens)
    monkeypatch.setattr(portions, "PORTION_TEXTS", 10)
    whole = prepare_corpus([str(text_file)], tokenizer, tmp_path / "whole", 24)
    for number in (3, 1, 2):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "parts", 24, (number, 3))
    parts = prepare_corpus([str(text_file)], tokenizer, tmp_path / "parts", 24)
    assert sequences(parts) == sequences(whole)
    assert np.array_equal(parts.counts, whole.counts)
    assert parts.lengths.tolist() == whole.lengths.tolist()
    assert parts.description["sequences"] == len(parts) == whole.description["sequences"]


def test_a_missing_part_and_a_part_of_other_text_are_refused(
    tokenizer: Any, text_file: Path, tmp_path: Path
) -> None:
    for number in (1, 3):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64, (number, 3))
    with pytest.raises(UserError, match="part 2 of 3 is missing"):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)
    other = Path(shutil.copy(text_file, tmp_path / "other.txt"))
    other.write_text(other.read_text() + "One line more, of quite a few words, as it should be.\n")
    prepare_corpus([str(other)], tokenizer, tmp_path / "c", 64, (2, 3))
    with pytest.raises(UserError, match="part 2 was made from another text than part 1"):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)
    shutil.rmtree(tmp_path / "c" / "part-02-of-03")
    shutil.copytree(tmp_path / "c" / "part-03-of-03", tmp_path / "c" / "part-02-of-03")
    with pytest.raises(UserError, match="part-02-of-03: holds part 3/3, not 2/3"):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3"])
def test_impossible_parts_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="such as 3/16"):
        part_numbers(text)
