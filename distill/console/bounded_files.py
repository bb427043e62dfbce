"""Files that are read whole, up to a size: an archive of a few kilobytes may inflate to more than
the memory holds."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from distill.console.errors import UserError

LARGEST = 2**30
"""Bytes of a file as it is read, inflated; the training file of SQuAD has 0.03 of it."""
ANY_SIZE = "DISTILKIT_ANY_SIZE"
"""The variable of the environment that lifts the bound, with any value but an empty one."""


def read_bounded(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a file, inflated where its name ends in .gz.

    Raises:
        UserError: no regular file, or more than ``largest`` bytes and `ANY_SIZE` is not set.
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
    return content
