"""Labelled texts from CSV, TSV and JSONL files, and tagged words in CoNLL's form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from distill.console.bounded_files import json_lines, numbered_lines, read_text
from distill.console.errors import UserError

Row = dict[str, str]
FORMATS = ".csv, .tsv or .jsonl, also with .gz"


def read_rows(path: Path) -> list[Row]:
    """The rows of a file with named columns; in a TSV quotes are text, as in GLUE's files.

    Raises:
        UserError: as `read_text`, an unknown format, or a row that has another number of columns.
    """
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    text = read_text(path)
    if suffix == ".jsonl":
        rows = [_as_text(row) for _, row in json_lines(text, path)]
    elif suffix in (".csv", ".tsv"):
        stream = io.StringIO(text, newline="")
        reader = (
            csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if suffix == ".tsv"
            else csv.DictReader(stream)
        )
        rows = []
        try:
            for row in reader:
                if None in row.values():
                    raise UserError(f"{path}, line {reader.line_num}: too few columns")
                rows.append({str(key): str(value) for key, value in row.items() if key is not None})
        except csv.Error as error:
            raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    else:
        raise UserError(f"{path}: unknown format (expected {FORMATS})")
    if not rows:
        raise UserError(f"{path}: has no rows")
    return rows


def column(rows: Sequence[Row], names: Sequence[str], path: Path, needed: bool = True) -> str:
    """The first of ``names`` that every row has; empty where none has to be there and none is.

    Raises:
        UserError: no such column.
    """
    for name in names:
        if all(name in row for row in rows):
            return name
    if needed:
        raise UserError(f"{path}: no column {' or '.join(names)} (columns: {', '.join(rows[0])})")
    return ""


def read_tagged(path: Path) -> list[tuple[list[str], list[str]]]:
    """Sentences of CoNLL's form as words and tags: a word a line, its tag in the last column, a
    blank line between sentences.

    Raises:
        UserError: as `read_text`, or a line without a tag.
    """
    # It needs torch, which --help must not wait for.
    from distill.tasks.tagged_texts import columns_of

    sentences: list[tuple[list[str], list[str]]] = [([], [])]
    for number, parts in columns_of(read_text(path)):
        if parts[0] in ("", "-DOCSTART-"):
            if sentences[-1][0]:
                sentences.append(([], []))
        elif len(parts) < 2:
            raise UserError(f"{path}, line {number}: a word without a tag")
        else:
            sentences[-1][0].append(parts[0])
            sentences[-1][1].append(parts[-1])
    if not sentences[-1][0]:
        sentences.pop()
    if not sentences:
        raise UserError(f"{path}: has no sentences")
    return sentences


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank.

    Raises:
        UserError: as `read_text`, or there is none.
    """
    lines = [line.strip() for _, line in numbered_lines(read_text(path))]
    if not lines:
        raise UserError(f"{path}: has no text")
    return lines


def _as_text(row: dict[str, object]) -> Row:
    return {
        str(key): value if isinstance(value, str) else json.dumps(value)
        for key, value in row.items()
    }
