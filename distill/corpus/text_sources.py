"""Where unlabelled text comes from: files of lines, JSON lines, or a data set of the hub.

A source is a file (``.txt``, any of them as ``.gz``, ``.jsonl`` with a ``text`` field), a folder
that `datasets` saved, or ``hub:NAME``, ``hub:NAME:CONFIG`` or ``hub:NAME:CONFIG:SPLIT``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from distill.corpus.portions import byte_pieces
from distill.models.fingerprint import file_digest, folder_digest

HUB = "hub:"
COLUMN = "text"
ROWS = (".jsonl", ".ndjson")
NOT_TEXT = (".csv", ".tsv", ".json", ".parquet", ".arrow", ".pdf", ".docx", ".zip", ".tar")


LONGEST_LINE = 2**27  # bytes
MOST_INFLATED, FREE_INFLATED = 200, 2**30
"""A .gz may hold 200 times its own size, and a GiB in any case; text is some 3 to 10 times its."""


def read_texts(sources: Iterable[str], any_size: bool = False) -> Iterator[str]:
    """The texts of all sources, one after the other, none of them empty; ``any_size`` takes lines
    of any length and .gz files that inflate to any size.

    Raises:
        UserError: as `read_lines` and `read_dataset`.
    """
    for source in sources:
        path = Path(source)
        if source.startswith(HUB) or path.is_dir():
            yield from read_dataset(source)
        else:
            yield from read_lines(path, any_size)


def describe(sources: Iterable[str]) -> list[dict[str, Any]]:
    """Name, size and content of every source, as far as they are on this machine.

    Raises:
        UserError: there is no such file.
    """
    described = []
    for source in sources:
        path = Path(source)
        if not source.startswith(HUB) and not path.exists():
            raise UserError(f"{path}: no such file")
        if path.is_file():
            size, digest = path.stat().st_size, file_digest(path)
            described.append({"name": path.name, "bytes": size, "content": digest})
        else:
            folder = folder_digest(path) if path.is_dir() else None
            described.append({"name": source, "bytes": None, "content": folder})
    return described


def read_lines(path: Path, any_size: bool = False) -> Iterator[str]:
    """Non-empty lines of a text file (plain or .gz), or the ``text`` of each row of a .jsonl.

    Raises:
        UserError: no such file, bytes that are not UTF-8, or a row without text, with the line; a
            line or a file that is too large, unless ``any_size``.
    """
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind in NOT_TEXT:
        raise UserError(f"{path}: not a text file (expected .txt, a text a line, or {ROWS[0]})")
    rows = kind in ROWS
    number = 0
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            lines = file if any_size else _bounded(path, file)
            for number, line in enumerate(lines, 1):
                if number == 1 and not rows and is_json(line):
                    raise UserError(f"{path}: holds JSON; rows with a {COLUMN!r} are {ROWS[0]}")
                for piece in [line] if rows else byte_pieces(line):
                    text = piece.decode("utf-8")
                    if rows and text.strip():
                        text = json.loads(text)[COLUMN]
                        text.encode()
                    if text.strip():
                        yield text.strip()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number}: not UTF-8 (byte {error.object[error.start]:#04x} at "
            f"{error.start}); convert the file, for example with iconv"
        ) from None
    except UnicodeEncodeError as error:
        raise UserError(
            f"{path}, line {number}: {error.object[error.start]!r} is half of a surrogate pair; "
            "mend or drop the row"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}, after line {number}: damaged gzip file ({error})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path}, line {number}: no {COLUMN!r} in this row ({type(error).__name__}: {error})"
        ) from None


def is_json(line: str | bytes) -> bool:
    """Whether the first line of a file begins a JSON object, or a list of them."""
    text = line.strip() if isinstance(line, str) else line.decode("utf-8", "replace").strip()
    if text in ("{", "["):
        return True
    try:
        found = json.loads(text) if text[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(found[0] if isinstance(found, list) and found else found, dict)


def _bounded(path: Path, file: Any) -> Iterator[bytes]:
    """The lines of an open file.

    Raises:
        UserError: a line is longer than `LONGEST_LINE`, or a .gz inflates to more than it may.
    """
    limit = max(FREE_INFLATED, MOST_INFLATED * path.stat().st_size)
    number = inflated = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        inflated += len(line)
        if len(line) > LONGEST_LINE:
            raise UserError(
                f"{path}, line {number}: longer than {LONGEST_LINE:,} bytes; put one text on a "
                "line, or take it with --any_size"
            )
        if path.suffix == ".gz" and inflated > limit:
            raise UserError(
                f"{path}: inflates to more than {limit:,} bytes; take it with --any_size"
            )
        yield line


def read_dataset(source: str) -> Iterator[str]:
    """The ``text`` column of a data set of the hub, streamed, or of a folder saved on disk.

    Raises:
        UserError: `datasets` is not installed, the data set cannot be loaded, or it has no
            such column.
    """
    try:
        import datasets
    except ImportError:
        raise UserError(f"{source}: needs the package of the `hub` extra") from None
    try:
        if source.startswith(HUB):
            name, config, split = [*source.removeprefix(HUB).split(":"), "", ""][:3]
            rows = datasets.load_dataset(
                name, config or None, split=split or "train", streaming=True
            )
        else:
            rows = datasets.load_from_disk(source)
    except Exception as error:  # datasets, the hub's client and httpx share no base class
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{source}: this data set cannot be loaded ({reason})") from None
    if isinstance(rows, dict):
        raise UserError(f"{source}: holds splits ({', '.join(rows)}); name the folder of one")
    if rows.column_names and COLUMN not in rows.column_names:
        raise UserError(f"{source}: has no column {COLUMN!r}, only {rows.column_names}")
    for number, row in enumerate(rows):
        text = row[COLUMN] or ""
        if not isinstance(text, str):
            raise UserError(f"{source}, row {number}: {COLUMN!r} is not a text: {text!r}")
        if text.strip():
            yield text.strip()
