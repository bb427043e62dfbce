"""Files that are read whole, plain or gzipped, as bytes, text or JSON. They are read up to a size:
an archive of a few kilobytes may inflate to more than the memory holds."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from distill.console.errors import UserError

LARGEST = 2**30
"""Bytes of a file as it is read, inflated; the training file of SQuAD has 0.03 of it."""
FREE_INFLATED, MOST_INFLATED = 2**27, 50
"""A .gz may inflate to these bytes in any case, and to 50 times its own size; the files of SQuAD
inflate to 4 and 8 times theirs."""
CHUNK = 2**20
MOST_FILES = 1_000_000
"""Files of a folder that are read as rows; IMDb has 12,500 in each."""
ANY_SIZE = "DISTILKIT_ANY_SIZE"
"""The variable of the environment that lifts the bound, with any value but an empty one."""


LONGEST_ROW = 2**22
"""Bytes of a row of a table: a long book. Some 130 bytes of memory go to each while it is read."""


def read_bounded(path: Path, largest: int = LARGEST, longest_row: int = 0) -> bytes:
    """The content of a file, inflated where its name ends in .gz.

    Raises:
        UserError: no regular file; more than ``largest`` bytes, or a line of more than
            ``longest_row`` if that is not 0, and `ANY_SIZE` is not set.
        gzip.BadGzipFile, EOFError, zlib.error: a damaged .gz.
        OSError: there is no such file, or it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: not a regular file")
    gzipped, any_size = path.suffix == ".gz", bool(os.environ.get(ANY_SIZE))
    if gzipped and not any_size:
        _check_inflated(path, largest)
    with gzip.open(path, "rb") if gzipped else path.open("rb") as file:
        content: bytes = file.read(-1 if any_size else largest + 1)
    if not any_size and len(content) > largest:
        raise _too_large(path, largest)
    if not any_size and longest_row:
        _check_rows(path, content, longest_row)
    return content


def _too_large(path: Path, largest: int) -> UserError:
    return UserError(
        f"{path}: holds more than {largest:,} bytes; split it, or set {ANY_SIZE}=1 to read it"
    )


def _check_inflated(path: Path, largest: int) -> None:
    """Inflate an archive without keeping what comes out, until that is too much.

    Raises:
        UserError: it is more than ``largest`` bytes, or than what `MOST_INFLATED` allows.
    """
    limit = min(largest, max(FREE_INFLATED, MOST_INFLATED * path.stat().st_size))
    inflated = 0
    with gzip.open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            inflated += len(chunk)
            if inflated > limit:
                raise _too_large(path, limit)


def _check_rows(path: Path, content: bytes, longest: int) -> None:
    start = 0
    for number in count(1):
        end = content.find(b"\n", start)
        if (end if end >= 0 else len(content)) - start > longest:
            raise UserError(
                f"{path}, line {number}: holds more than {longest:,} bytes; split it, or set "
                f"{ANY_SIZE}=1 to read it"
            )
        if end < 0:
            return
        start = end + 1


def check_sizes(folder: Path, files: Sequence[Path]) -> None:
    """
    Raises:
        UserError: more than `MOST_FILES`, or `LARGEST` bytes in all of them, and `ANY_SIZE` is not
            set.
    """
    size = sum(file.stat().st_size for file in files)
    if not os.environ.get(ANY_SIZE) and (len(files) > MOST_FILES or size > LARGEST):
        raise UserError(
            f"{folder}: holds {len(files):,} files of {size:,} bytes, more than {MOST_FILES:,} or "
            f"{LARGEST:,}; set {ANY_SIZE}=1 to read them"
        )


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        UserError: no such file, one that is too large or has a line of more than `LONGEST_ROW`
            bytes, a damaged .gz, or no UTF-8 text.
    """
    try:
        return read_bounded(path, largest, LONGEST_ROW).decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a text file ({error})") from None


def read_json(path: Path, unique: bool = False) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: no such file, one that is too large, a damaged .gz, or no JSON; a name that is
            twice in an object, where they are to be ``unique``.
    """
    try:
        return json.loads(read_bounded(path), object_pairs_hook=_unique if unique else None)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (ValueError, RecursionError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a JSON file ({error})") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise ValueError(f"the name {counted.most_common(1)[0][0]!r} stands twice")
    return content


def read_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object.

    Raises:
        UserError: as `read_json`, or it holds something else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a JSON object")
    return content


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    return ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())


def json_lines(text: str, path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """The JSON objects in a text with one on each line, each with its place in words.

    Args:
        path: of the text, for the place.

    Raises:
        UserError: a line that is not a JSON object.
    """
    for number, line in numbered_lines(text):
        place = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{place}: not JSON ({error})") from None
        if not isinstance(row, dict):
            raise UserError(f"{place}: not a JSON object")
        yield place, row
