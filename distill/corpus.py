"""Text -> token shards on disk, tokenized once and read through a memory map.

A line of text is a sequence ``[CLS] ... [SEP]``; longer ones are split, very short ones and those
of mostly unknown words are dropped, as in the reference (see `distill/README.md`). Lines are read
and tokenized in portions, in parallel by the fast tokenizer, so that a corpus may be larger than
memory.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from distill import DistillError
from distill.atomic import atomic_directory
from distill.squad import special_ids

SHORTEST = 12
PORTION = 2000
TOKENS, ENDS, COUNTS, DESCRIPTION = "tokens.bin", "ends.npy", "counts.npy", "corpus.json"


@dataclass(frozen=True)
class Corpus:
    """Sequences of ids in one memory map; ``ends[i]`` is where sequence i ends, ``counts`` how
    often each id occurs."""

    tokens: np.ndarray
    ends: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        start = self.ends[index - 1] if index else 0
        return {"input_ids": self.tokens[start : self.ends[index]].astype(np.int64)}


def read_lines(path: Path) -> Iterator[str]:
    """Non-empty lines of a text file (plain or .gz), or the ``text`` of each row of a .jsonl.

    Raises:
        DistillError: no such file, bytes that are no UTF-8, or a row without text; with the line.
    """
    number = 0
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            rows = ".jsonl" in path.suffixes
            for number, line in enumerate(file, 1):  # noqa: B007 - says where it broke
                text = json.loads(line)["text"] if rows else line
                if text.strip():
                    yield text.strip()
    except FileNotFoundError:
        raise DistillError(f"{path}: no such file") from None
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise DistillError(f"{path}, after line {number}: not UTF-8 text ({error})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DistillError(f"{path}, line {number + 1}: no text in this row ({error!r})") from None


def build_corpus(
    texts: Iterable[str], tokenizer: Any, out: Path, max_length: int = 512
) -> dict[str, int]:
    """Tokenize ``texts`` into ``out`` and report ``sequences``, ``tokens`` and ``dropped``.

    Args:
        tokenizer: a fast tokenizer (`tokenizers.Tokenizer`) that neither pads nor truncates.
        max_length: longest sequence in tokens, the two special ones included.

    Raises:
        DistillError: no sequence is left.
    """
    vocabulary = tokenizer.get_vocab_size()
    dtype = np.uint16 if vocabulary <= 2**16 else np.uint32
    unknown = tokenizer.token_to_id("[UNK]")
    counts = np.zeros(vocabulary, np.int64)
    lengths: list[int] = []
    dropped = 0
    lines = iter(texts)
    with atomic_directory(out, replace=True) as staged:
        with (staged / TOKENS).open("wb") as file, tqdm(unit="line", disable=None) as progress:
            while portion := list(islice(lines, PORTION)):
                for coded in tokenizer.encode_batch(portion, add_special_tokens=False):
                    for ids in _sequences(coded.ids, special_ids(tokenizer), max_length):
                        if not _useful(ids, unknown):
                            dropped += 1
                            continue
                        array = np.asarray(ids, dtype)
                        array.tofile(file)
                        lengths.append(len(ids))
                        np.add.at(counts, array, 1)
                progress.update(len(portion))
        if not lengths:
            raise DistillError("the corpus holds no sequence of 12 tokens or more")
        np.save(staged / ENDS, np.cumsum(lengths))
        np.save(staged / COUNTS, counts)
        described = {"dtype": np.dtype(dtype).name, "vocabulary": vocabulary, "dropped": dropped}
        (staged / DESCRIPTION).write_text(json.dumps(described), encoding="utf-8")
    return {"sequences": len(lengths), "tokens": sum(lengths), "dropped": dropped}


def open_corpus(directory: Path) -> Corpus:
    """Open what `build_corpus` wrote.

    Raises:
        DistillError: there is no complete corpus.
    """
    try:
        described = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
        return Corpus(
            np.memmap(directory / TOKENS, described["dtype"], mode="r"),
            np.load(directory / ENDS),
            np.load(directory / COUNTS),
        )
    except (OSError, ValueError, KeyError) as error:
        raise DistillError(f"{directory}: no tokenized corpus ({error})") from None


def _sequences(
    ids: Sequence[int], special: tuple[int, int], max_length: int
) -> Iterator[list[int]]:
    cls, sep = special
    room = max_length - 2
    for start in range(0, len(ids), room):
        yield [cls, *ids[start : start + room], sep]


def _useful(ids: Sequence[int], unknown: int | None) -> bool:
    return len(ids) >= SHORTEST and ids.count(unknown) * 2 < len(ids)
