"""Rows of one's own data: CSV, TSV, JSONL, or a data set of a folder or the hub; columns named or
guessed."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from distill.console.bounded_files import json_lines, read_text
from distill.console.errors import UserError, note
from distill.console.text_lines import is_json
from distill.corpus.dataset_rows import data_set, read_data_set
from distill.tasks.options import TaskOptions
from distill.tasks.splits import split_by_text

TEXTS = (("text",), ("sentence",), ("review",), ("sentence1", "sentence2"), ("text1", "text2"),
         ("premise", "hypothesis"), ("question", "passage"), ("query", "passage"))  # fmt: skip
LABELS = ("label", "labels", "class", "category", "target", "score", "rating")
DELIMITERS = {".csv": ",", ".tsv": "\t"}

R = TypeVar("R")


class Row(dict[str, Any]):
    """A row by the names of its columns; ``place`` says where it stands, for messages."""

    place = ""

    def joined(self, columns: Sequence[str]) -> str:
        """What stands in these columns, as one text."""
        return "\n".join(str(self.get(name)) for name in columns)


def read_rows(path: str | Path, training: bool = False) -> list[Row]:
    """All rows of a file (.csv, .tsv, .jsonl, each also .gz) or of a data set, whose split to train
    on need not be named for ``training``.

    Raises:
        UserError: no such file, an unknown format, or a broken row; named with its line.
    """
    if source := data_set(str(path)):
        return _numbered(read_data_set(source, training), path)
    place = Path(path)
    text = read_text(place)
    suffix = Path(place.name.removesuffix(".gz")).suffix
    rows: Sequence[Mapping[str, Any]]
    if suffix in DELIMITERS:
        rows = _from_table(text, DELIMITERS[suffix], place)
    elif suffix in (".jsonl", ".ndjson"):
        rows = [row for _, row in json_lines(text, place)]
    else:
        raise UserError(
            f"{place}: unknown format (expected .csv, .tsv, .jsonl, a folder or hub:NAME)"
        )
    if not rows:
        raise UserError(f"{place}: has no rows")
    return _numbered(rows, path)


def _numbered(rows: Sequence[Mapping[str, Any]], path: str | Path) -> list[Row]:
    """The rows with their places. NaN, as pandas writes what is missing, is None."""
    numbered = []
    for number, values in enumerate(rows, 1):
        row = Row({name: None if _is_nan(value) else value for name, value in values.items()})
        row.place = f"{path}, row {number}"
        numbered.append(row)
    return numbered


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _from_table(text: str, delimiter: str, path: Path) -> list[dict[str, str]]:
    """In a TSV that does not parse with quotes they are text, as in GLUE's files."""
    if delimiter != DELIMITERS[".tsv"]:
        return _parsed(text, path, delimiter=delimiter, strict=True)
    try:
        return _parsed(text, path, delimiter=delimiter, strict=True)
    except UserError:
        return _parsed(text, path, delimiter=delimiter, quoting=csv.QUOTE_NONE)


def _parsed(text: str, path: Path, **form: Any) -> list[dict[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), **form)
    rows: list[dict[str, str]] = []
    header: list[str] = []
    try:
        for cells in reader:
            if not header:
                header = cells
                if twice := next((name for name in cells if cells.count(name) > 1), None):
                    raise UserError(f"{path}: has two columns called {twice!r}")
            elif cells:
                if len(cells) != len(header):
                    raise UserError(
                        f"{path}, line {reader.line_num}: has {len(cells)} columns, the first "
                        f"line {len(header)}"
                    )
                rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    return rows


def chosen_columns(
    rows: Sequence[Row], options: TaskOptions, path: str
) -> tuple[tuple[str, ...], str]:
    """The columns of the texts and of the label, as named or else guessed by their usual names.

    Raises:
        UserError: no such column, or none that can be guessed.
    """
    known = list(rows[0])
    texts = text_columns(rows, options.text, path)
    if options.label and options.label not in known:
        raise UserError(f"{path}: has no column {options.label!r} (it has {', '.join(known)})")
    label = options.label or next((name for name in LABELS if name in known), "")
    if not label:
        raise UserError(f"{path}: name a column with --label (it has {', '.join(known)})")
    return texts, label


def text_columns(rows: Sequence[Row], named: Sequence[str], path: str) -> tuple[str, ...]:
    """The columns of the texts, one or two, as ``named`` or else guessed.

    Raises:
        UserError: as `chosen_columns`.
    """
    known = list(rows[0])
    for name in named:
        if name not in known:
            raise UserError(f"{path}: has no column {name!r} (it has {', '.join(known)})")
    if len(named) > 2:
        raise UserError(f"--text names one column or two, not {len(named)}")
    texts = tuple(named) or next((t for t in TEXTS if set(t) <= set(known)), ())
    if not texts:
        raise UserError(f"{path}: name a column with --text (it has {', '.join(known)})")
    return texts


def texts_of(row: Row, columns: Sequence[str]) -> tuple[str, ...]:
    """Raises:
    UserError: an empty text, or something else.
    """
    texts = []
    for name in columns:
        text = row.get(name)
        if text is None or not str(text).strip():
            raise UserError(f"{row.place}: {name} is empty")
        if not isinstance(text, str):
            raise UserError(f"{row.place}: {name} is {text!r}, not a text")
        texts.append(text)
    return tuple(texts)


def check_labelled(rows: Sequence[Row], label: str, none: bool = False) -> None:
    """Raises:
    UserError: a row without a label; where a row may have ``none``, it must still say so.
    """
    for row in rows:
        value = row.get(label)
        if value is None or (not none and not str(value).strip()):
            raise UserError(
                f"{row.place}: has no {label}; leave such rows out (with a --teacher they can be "
                "--unlabelled)"
            )


def is_plain(path: str) -> bool:
    """Whether a file is plain text, a text a line."""
    return Path(path.removesuffix(".gz")).suffix == ".txt"


def plain_texts(path: str) -> list[str]:
    """The lines of plain text, none of them empty.

    Raises:
        UserError: as `read_text`, or there is none.
    """
    lines = [line.strip() for line in io.StringIO(read_text(Path(path)), newline=None)]
    if not any(lines):
        raise UserError(f"{path}: has no text")
    if is_json(lines[0]):
        raise UserError(f"{path}: holds JSON; rows are .jsonl")
    return [line for line in lines if line]


def read_texts(path: str, named: Sequence[str]) -> list[tuple[str, ...]]:
    """One text or two of every row, whatever else it holds; of plain text a text a line.

    Raises:
        UserError: as `read_rows`, `text_columns` and `texts_of`.
    """
    if is_plain(path):
        return [(text,) for text in plain_texts(path)]
    rows = read_rows(path, training=True)
    columns = text_columns(rows, named, path)
    note(f"{path}: text from {' and '.join(columns)}")
    return [texts_of(row, columns) for row in rows]


def split_rows(
    rows: Sequence[R], share: float, text: Callable[[R], str]
) -> tuple[list[R], list[R]]:
    """Rows to train on, and about ``share`` of them to score on; equal texts go together.

    Raises:
        UserError: there are too few for both.
    """
    train, scored = split_by_text(rows, share, text)
    if not train or not scored:
        raise UserError(f"too few rows to split ({len(rows)}); name --eval_data")
    return train, scored
