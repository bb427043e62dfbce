"""Shards hold what the tokenizer says, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from distill.console.errors import UserError
from distill.corpus import portions
from distill.corpus import shards as corpus
from distill.corpus.corpus_folder import prepare_corpus
from distill.corpus.shards import build_corpus, open_corpus


@pytest.fixture
def tokenizer(small_teacher: Path) -> Tokenizer:
    return Tokenizer.from_file(str(small_teacher / "tokenizer.json"))


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    return [cls, *tokenizer.encode(text, add_special_tokens=False).ids, sep]


@pytest.mark.parametrize("shard_tokens", [200, 2**27], ids=["many shards", "one shard"])
def test_sequences_are_read_as_they_were_written(
    tokenizer, sentences, tmp_path: Path, monkeypatch, shard_tokens: int
) -> None:
    monkeypatch.setattr(corpus, "SHARD_TOKENS", shard_tokens)
    monkeypatch.setattr(portions, "PORTION_TEXTS", 10)
    described = build_corpus(sentences, tokenizer, tmp_path / "c", 512)
    found = open_corpus(tmp_path / "c")
    wanted = [ids for ids in (ids_of(tokenizer, text) for text in sentences) if len(ids) >= 12]
    assert (described["shards"] > 3) == (shard_tokens == 200)
    assert [found[i].tolist() for i in range(len(found))] == wanted
    assert found.lengths.tolist() == [len(ids) for ids in wanted]
    assert described["tokens"] == found.lengths.sum() == found.counts.sum()
    assert found.shards[0].dtype == np.uint16
    assert isinstance(found.shards[0], np.memmap)
    assert found.counts[wanted[0][3]] == sum(ids.count(wanted[0][3]) for ids in wanted)


def test_long_texts_are_split_short_and_unknown_ones_dropped(tokenizer, tmp_path: Path) -> None:
    unknown = " ".join("ĳ" for _ in range(30))
    word = "the " * 100
    described = build_corpus(["too short", unknown, word], tokenizer, tmp_path / "c", 42)
    found = open_corpus(tmp_path / "c")
    assert described["dropped"] == 2
    assert found.lengths.tolist() == [42, 42, 22]
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    for i in range(3):
        assert (found[i][0], found[i][-1]) == (cls, sep)


def test_wide_vocabularies_take_four_bytes(tokenizer, sentences, tmp_path: Path) -> None:
    tokenizer.add_tokens([f"extra{i}" for i in range(70_000)])
    build_corpus([*sentences, "extra69999 " * 20], tokenizer, tmp_path / "c", 512)
    found = open_corpus(tmp_path / "c")
    assert found.shards[0].dtype == np.uint32
    assert found[len(found) - 1][1] == tokenizer.token_to_id("extra69999") > 2**16


def test_text_is_never_read_far_ahead(tokenizer, sentences, tmp_path: Path, monkeypatch) -> None:
    """A corpus larger than memory: at most three portions are there at a time."""
    monkeypatch.setattr(portions, "PORTION_TEXTS", 8)
    read, ahead = 0, []

    def stream() -> Iterator[str]:
        nonlocal read
        for text in sentences * 4:
            read += 1
            yield text

    add = corpus._Writer.add

    def counted(self, coded, numbers) -> None:
        add(self, coded, numbers)
        written = self.sequences + self.dropped
        ahead.append(read - written)

    monkeypatch.setattr(corpus._Writer, "add", counted)
    build_corpus(stream(), tokenizer, tmp_path / "c", 512)
    assert len(ahead) > 8
    assert max(ahead) <= 2 * 8


def test_an_empty_corpus_is_refused_and_leaves_nothing(tokenizer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="corpus is empty"):
        build_corpus(["short"], tokenizer, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="not a tokenized corpus"):
        open_corpus(tmp_path / "c")


def test_a_failed_build_leaves_nothing(tokenizer, sentences, tmp_path: Path) -> None:
    def failing() -> Iterator[str]:
        yield from sentences
        raise OSError("No space left on device")

    with pytest.raises(UserError, match="the disk is full"):
        build_corpus(failing(), tokenizer, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_that_came_up_meanwhile_is_kept(tokenizer, sentences, tmp_path: Path) -> None:
    """Of two tokenizations to one place the first to end has it."""

    def interrupted() -> Iterator[str]:
        build_corpus(sentences, tokenizer, tmp_path / "c")
        yield from sentences[:20]

    with pytest.raises(FileExistsError, match="came up while this was made"):
        build_corpus(interrupted(), tokenizer, tmp_path / "c")
    assert len(open_corpus(tmp_path / "c")) > 0
    with pytest.raises(UserError, match="holds files already"):
        build_corpus(sentences, tokenizer, tmp_path / "c")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("build", [build_corpus, prepare_corpus])
def test_a_folder_of_other_files_is_refused_and_left_alone(
    build, tokenizer, text_file: Path, tmp_path: Path
) -> None:
    """Such as that of the texts themselves, or a file."""
    folder = tmp_path / "texts"
    folder.mkdir()
    text = folder / "a.txt"
    text.write_bytes(text_file.read_bytes())
    for place in (folder, text):
        with pytest.raises(UserError, match="holds files already, which would be lost"):
            build([str(text)], tokenizer, place, 64)
    assert [path.name for path in tmp_path.rglob("*")] == ["texts", "a.txt"]
    assert text.read_bytes() == text_file.read_bytes()


def test_a_build_that_was_killed_can_be_started_again(
    tokenizer, text_file: Path, tmp_path: Path
) -> None:
    """It leaves an unfinished folder beside the one that was named, which may be there, empty."""
    (tmp_path / "c").mkdir()
    (tmp_path / ".c.unfinished" / "c").mkdir(parents=True)
    (tmp_path / ".c.unfinished" / "c" / "tokens-00000.bin").write_bytes(b"half")
    assert len(prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)) > 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokens-00000.bin", b"12345678"),
        ("ends-00000.npy", b""),
        ("corpus.json", b'{"dtype": "colour", "shards": 1}'),
        ("corpus.json", b"[]"),
    ],
)
def test_a_damaged_corpus_is_refused(
    name: str, content: bytes, tokenizer, sentences, tmp_path: Path
) -> None:
    """Such as one that was copied half; its sequences would be empty."""
    build_corpus(sentences, tokenizer, tmp_path / "c")
    (tmp_path / "c" / name).write_bytes(content)
    with pytest.raises(UserError, match="not a tokenized corpus"):
        open_corpus(tmp_path / "c")


def test_a_corpus_is_made_once_and_only_taken_for_what_it_is(
    tokenizer, text_file: Path, tmp_path: Path, monkeypatch
) -> None:
    first = prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)
    monkeypatch.setattr(corpus, "build_corpus", None)  # a second build would raise
    assert len(prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)) == len(first)
    with pytest.raises(UserError, match="max_length = 64, not 32"):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 32)
    other = tmp_path / "other.txt"
    other.write_text("another text\n")
    with pytest.raises(UserError, match="sources"):
        prepare_corpus([str(other)], tokenizer, tmp_path / "c", 64)
    tokenizer.add_tokens(["newword"])
    with pytest.raises(UserError, match="tokenizer"):
        prepare_corpus([str(text_file)], tokenizer, tmp_path / "c", 64)
