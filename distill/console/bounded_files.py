"""Files that are read whole, up to a size: an archive of a few kilobytes may inflate to more than
the memory holds."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from distill.console.errors import UserError

LARGEST = 2**30
"""Bytes of a file as it is read, inflated; the training file of SQuAD has 0.03 of it."""
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
    limit = -1 if os.environ.get(ANY_SIZE) else largest + 1
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        content: bytes = file.read(limit)
    if 0 < limit <= len(content):
        raise UserError(
            f"{path}: holds more than {largest:,} bytes; split it, or set {ANY_SIZE}=1 to read it"
        )
    if limit > 0 and longest_row:
        _check_rows(path, content, longest_row)
    return content


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
