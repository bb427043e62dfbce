"""A corpus made in parts, on several machines: part 3 of 16 is every sixteenth text from the third.

Each part is a corpus of its own in the folder ``part-03-of-16``; read together they are the corpus
that one machine makes of all texts, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from distill.corpus.shards import Corpus, open_corpus, text_numbers

FOLDER = re.compile(r"part-(\d+)-of-(\d+)")
MADE_FROM = {"sources": "text", "tokenizer": "tokenizer", "max_length": "sequence length"}
SUMMED = ("shards", "sequences", "tokens", "dropped", "text_bytes")


def part_numbers(text: str) -> tuple[int, int]:
    """``3/16`` as (3, 16).

    Raises:
        UserError: it is not two numbers of which the first is at most the second.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count:
        raise UserError(f"--part is a number and how many there are, such as 3/16, not {text!r}")
    return number, count


def part_folder(directory: Path, number: int, count: int) -> Path:
    """Where a part is in the folder of its corpus."""
    return directory / f"part-{number:02}-of-{count:02}"


def texts_of_part(texts: Iterable[str], number: int, count: int) -> Iterator[str]:
    """Every ``count``-th text, from the ``number``-th."""
    return islice(texts, number - 1, None, count)


def has_parts(directory: Path) -> bool:
    """Whether a corpus was made in parts."""
    return bool(_parts(directory))


def open_parts(directory: Path) -> Corpus:
    """All parts of a corpus as one.

    Raises:
        UserError: a part is missing, damaged or not the one that its folder says, or parts were
            made from different things.
    """
    parts = _parts(directory)
    counts = {count for _, count in parts}
    expected = max(counts)
    missing = sorted({*range(1, expected + 1)} - {number for number, _ in parts})
    if len(counts) > 1 or missing:
        what = f"part {missing[0]} of {expected} is missing" if missing else "parts of two wholes"
        raise UserError(f"{directory}: {what}; make it with --part, or remove what does not belong")
    opened = [open_corpus(parts[key]) for key in sorted(parts)]
    for number, corpus in enumerate(opened, 1):
        if corpus.description.get("part") != f"{number}/{expected}":
            raise UserError(
                f"{parts[number, expected]}: holds part {corpus.description.get('part')}, not "
                f"{number}/{expected}; make it with --part"
            )
    descriptions = [_without_sums(corpus.description) for corpus in opened]
    for number, description in enumerate(descriptions, 1):
        for key, what in MADE_FROM.items():
            if description.get(key) != descriptions[0].get(key):
                raise UserError(
                    f"{directory}: part {number} was made from another {what} than part 1"
                )
    summed = {name: sum(corpus.description[name] for corpus in opened) for name in SUMMED}
    shards = [shard for corpus in opened for shard in corpus.shards]
    ends = [end for corpus in opened for end in corpus.ends]
    texts = [
        text_numbers(parts[key], corpus.description["shards"]) * expected + key[0]
        for key, corpus in zip(sorted(parts), opened, strict=True)
    ]
    order = np.argsort(np.concatenate(texts), kind="stable")
    return Corpus(
        shards,
        ends,
        np.cumsum([0, *map(len, ends)]),
        np.sum([corpus.counts for corpus in opened], axis=0),
        np.concatenate([corpus.lengths for corpus in opened])[order],
        {**descriptions[0], **summed, "parts": expected},
        order,
    )


def _without_sums(description: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in description.items() if k not in (*SUMMED, "part")}


def _parts(directory: Path) -> dict[tuple[int, int], Path]:
    """Folders of parts, named as `part_folder` names them, by number and count."""
    return {
        (int(match[1]), int(match[2])): path
        for path in directory.glob("part-*-of-*")
        if (match := FOLDER.fullmatch(path.name))
        and path == part_folder(directory, int(match[1]), int(match[2]))
    }
