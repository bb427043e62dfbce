"""Texts with an entity tag for every word, from CoNLL columns or from JSON lines with spans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Regex
from tokenizers.pre_tokenizers import BertPreTokenizer, Split
from tokenizers.pre_tokenizers import Sequence as InTurn

from distill.console.bounded_files import read_text
from distill.console.errors import UserError
from distill.corpus.dataset_rows import data_set
from distill.tasks.own_rows import is_plain, plain_texts, read_rows

OUTSIDE = "O"
TAG = re.compile(r"O|[BIES]-.+")
NOT_A_TAG = "is not an entity tag (expected O, B-NAME, I-NAME, E-NAME or S-NAME)"
SPANS = (".jsonl", ".ndjson")
WORD_COLUMNS, TAG_COLUMNS = ("tokens", "words"), ("ner_tags", "tags", "labels")  # lists, in rows
COLUMNS = (".conll", ".txt", ".tsv", ".iob", ".iob2", ".bio")
# Words of plain text: between blanks and punctuation; scripts without blanks by character.
WORDS = InTurn(
    [
        BertPreTokenizer(),
        Split(Regex(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]"), "isolated"),
    ]
)


@dataclass(frozen=True)
class TaggedText:
    """``words``: first and last character + 1 of each word in ``text``; ``tags``: one a word.
    ``widened``: spans that began or ended inside a word and now cover all of it. ``document``: the
    number of the document that it is from, 0 where the file tells none."""

    text: str
    words: tuple[tuple[int, int], ...]
    tags: tuple[str, ...]
    widened: int = 0
    document: int = 0


def read_tagged(path: str | Path, training: bool = False) -> list[TaggedText]:
    """All texts of a file, also of one with .gz, or of a data set, whose split to train on need not
    be named for ``training``.

    CoNLL columns: a word first and its tag last in a line, a blank line between sentences; the
    words are joined by blanks. Rows, of JSON lines or of a data set: ``{"text", "spans": [{"start",
    "end", "label"}]}``, characters counted from 0, ``end`` the one after the last; or lists of
    ``tokens`` and ``ner_tags``.

    Raises:
        UserError: no such file, an unknown format, or a broken line; named with its number.
    """
    place = Path(path)
    suffix = Path(place.name.removesuffix(".gz")).suffix
    if suffix in SPANS or data_set(str(path)):
        return [_from_row(row, row.place) for row in read_rows(path, training)]
    if suffix in COLUMNS:
        return _from_columns(read_text(place), place)
    known = ", ".join((*SPANS, *COLUMNS))
    raise UserError(f"{place}: unknown format (expected one of {known})")


def read_untagged(path: str | Path) -> list[TaggedText]:
    """As `read_tagged`, without looking at tags; of a .txt a text a line.

    Raises:
        UserError: as `read_tagged`; a .txt that holds columns.
    """
    place = Path(path)
    suffix = Path(place.name.removesuffix(".gz")).suffix
    if suffix in SPANS or data_set(str(path)):
        rows = read_rows(path, training=True)
        return [_from_row(row, row.place, tagged=False) for row in rows]
    if suffix in COLUMNS and not is_plain(str(path)):
        return _from_columns(read_text(place), place, tagged=False)
    if not is_plain(str(path)):
        raise UserError(f"{place}: unknown format (expected .txt, {', '.join(SPANS)} or .conll)")
    texts = plain_texts(str(path))
    if all(len(text.split()) > 1 and TAG.fullmatch(text.split()[-1]) for text in texts):
        raise UserError(f"{place}: holds columns of words and tags; call it .conll")
    lines = enumerate(texts, 1)
    return [_from_spans({"text": t, "spans": []}, f"{place}, text {n}") for n, t in lines]


def columns_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of each line, from 1, and its columns. Blanks and tabs alone stand between them:
    a word may hold another space, such as one that does not break."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        yield number, re.split(r"[ \t]+", line.strip(" \t"))


def _from_columns(text: str, path: Path, tagged: bool = True) -> list[TaggedText]:
    sentences: list[list[tuple[str, str]]] = [[]]
    documents = [0]
    for number, cells in columns_of(text):
        if cells[0] in ("", "-DOCSTART-"):
            sentences.append([])
            documents.append(documents[-1] + (cells[0] != ""))
        elif not tagged:
            sentences[-1].append((cells[0], OUTSIDE))
        elif len(cells) < 2:
            raise UserError(f"{path}, line {number}: a word without a tag")
        elif not TAG.fullmatch(cells[-1]):
            raise UserError(f"{path}, line {number}: {cells[-1]!r} {NOT_A_TAG}")
        else:
            sentences[-1].append((cells[0], cells[-1]))
    pairs = zip(sentences, documents, strict=True)
    texts = [replace(_joined(sentence), document=n) for sentence, n in pairs if sentence]
    if not texts:
        raise UserError(f"{path}: has no sentences")
    if all(word == str(n) for sentence in sentences for n, (word, _) in enumerate(sentence, 1)):
        raise UserError(f"{path}: the first column counts the words; it must hold them")
    return texts


def _joined(sentence: Sequence[tuple[str, str]]) -> TaggedText:
    places, at = [], 0
    for word, _ in sentence:
        places.append((at, at + len(word)))
        at += len(word) + 1
    text = " ".join(word for word, _ in sentence)
    return TaggedText(text, tuple(places), tuple(tag for _, tag in sentence))


def _from_row(row: Mapping[str, Any], place: str, tagged: bool = True) -> TaggedText:
    words = next((row[name] for name in WORD_COLUMNS if name in row), None)
    if words is None:
        return _from_spans(row if tagged else {**row, "spans": []}, place)
    stated = next((row[name] for name in TAG_COLUMNS if name in row), None)
    count = len(words) if isinstance(words, list) else 0
    tags = stated if tagged else [OUTSIDE] * count
    if not count or not isinstance(tags, list) or len(tags) != count:
        raise UserError(
            f"{place}: needs lists of equal length, {WORD_COLUMNS[0]} and {TAG_COLUMNS[0]}"
        )
    for word, tag in zip(words, tags, strict=True):
        if not isinstance(word, str) or not word.strip():
            raise UserError(f"{place}: {word!r} is not a word")
        if not isinstance(tag, str) or not TAG.fullmatch(tag):
            raise UserError(f"{place}: {tag!r} {NOT_A_TAG}")
    return _joined(list(zip(words, tags, strict=True)))


def _from_spans(row: Mapping[str, Any], place: str) -> TaggedText:
    text, spans = row.get("text"), row.get("spans")
    if not isinstance(text, str) or not text.strip() or not isinstance(spans, list):
        raise UserError(f"{place}: needs a text, and its spans as a list")
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UserError(f"{place}: its text has half of a surrogate pair")
    words = tuple(word for _, word in WORDS.pre_tokenize_str(text))
    tags, widened = [OUTSIDE] * len(words), 0
    for span in spans:
        start, end, label = _span(span, text, place)
        covered = [i for i, (low, high) in enumerate(words) if low < end and high > start]
        if any(tags[i] != OUTSIDE for i in covered):
            raise UserError(f"{place}: {text[start:end]!r} shares a word with another span")
        widened += (words[covered[0]][0], words[covered[-1]][1]) != (start, end)
        for i in covered:
            tags[i] = f"{'B' if i == covered[0] else 'I'}-{label}"
    return TaggedText(text, words, tuple(tags), widened)


def _span(span: object, text: str, place: str) -> tuple[int, int, str]:
    """Start, end and label, without blanks at the edges."""
    names = ("start", "end", "label")
    values: list[Any] = [span.get(n) for n in names] if isinstance(span, dict) else []
    if [type(value) for value in values] != [int, int, str] or not values[2].strip():
        raise UserError(f"{place}: a span needs start, end and label, not {span!r}")
    start, end, label = values
    inside = text[max(start, 0) : max(end, 0)]
    if start < 0 or end > len(text) or not inside.strip():
        raise UserError(f"{place}: no text from {start} to {end} (it has {len(text)} characters)")
    start += len(inside) - len(inside.lstrip())
    return start, start + len(inside.strip()), label.strip()
