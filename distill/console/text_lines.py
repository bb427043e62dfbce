"""The lines of a text file, or the texts in a file of JSON lines, one after the other.

Lines and archives are read up to a size: see also `distill.console.bounded_files`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from distill.console.errors import UserError

COLUMN = "text"
ROWS = (".jsonl", ".ndjson")
NOT_TEXT = (".csv", ".tsv", ".json", ".parquet", ".arrow", ".pdf", ".docx", ".zip", ".tar")
LONGEST_LINE = 2**27  # bytes
MOST_INFLATED, FREE_INFLATED = 200, 2**30
"""A .gz may hold 200 times its own size, and a GiB in any case; text is some 3 to 10 times its."""
LONGEST_PIECE = 2**16
"""A longer text is cut at a space before it: sequences are cut every 510 tokens anyway, and a
piece gives some 30 of them."""


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
        content = json.loads(text) if text[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(content[0] if isinstance(content, list) and content else content, dict)


def _bounded(path: Path, file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
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


def byte_pieces(line: bytes) -> Iterator[bytes]:
    """A line of UTF-8, or its parts of at most `LONGEST_PIECE` bytes, cut at spaces where it has
    some: a long line is never held as text."""
    start = 0
    while len(line) - start > LONGEST_PIECE:
        end = start + LONGEST_PIECE
        space = line.rfind(b" ", start + LONGEST_PIECE // 2, end)
        if space > 0:
            end = space + 1
        else:  # between two characters
            end = next((i for i in range(end, end - 4, -1) if line[i] & 0xC0 != 0x80), end)
        yield line[start:end]
        start = end
    yield line[start:]
