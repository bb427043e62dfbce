"""A full disk as one line that names the place, in whatever words a library reports it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distill.console.errors import UserError

QUOTA, TOO_LARGE, NO_SPACE = errno.EDQUOT, errno.EFBIG, errno.ENOSPC
# safetensors, torch, numpy, coremltools and ONNX Runtime report it without a number.
WORDS = re.compile(
    r"No space left|StorageFull|File ?[Tt]oo ?[Ll]arge|PytorchStreamWriter|unexpected pos|"
    r"\d requested and \d+ written|MIL FileWriter|cannot copy: Input/output error"
)
REMEDY = "make room there and start the same command again"


def is_full(error: BaseException) -> bool:
    """Whether an error is that of a disk, a quota or a file that takes no more."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (QUOTA, TOO_LARGE, NO_SPACE)
    return isinstance(error, Exception) and WORDS.search(str(error)) is not None


@contextmanager
def full_disk_in_words(place: Path, remedy: str = REMEDY) -> Iterator[None]:
    """Name ``place``, where the block writes, when its disk is full.

    Raises:
        UserError: the disk is full.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        _close_temporary_files(error)
        raise UserError(f"{place}: {_reason(place, error)}; {remedy}") from None


def _close_temporary_files(error: BaseException) -> None:
    """Close the temporary files of the calls that an error went through: one that closes itself
    later would complain that its folder has gone."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if type(value).__module__ == tempfile.__name__ and hasattr(value, "close"):
                with suppress(OSError):  # what it still holds does not fit
                    value.close()


def require_room(place: Path, size: int, largest: int = 0, name: Path | None = None) -> None:
    """Check the disk before a library writes there that ends the process where it is full.

    Args:
        place: a folder.
        size, largest: bytes of all files, and of the largest one.
        name: what the user calls the place.

    Raises:
        UserError: the bytes do not fit on the disk.
    """
    free = shutil.disk_usage(place).free
    if free < size:
        raise UserError(
            f"{name or place}: the disk is full ({free / 1e6:.1f} MB are free, {size / 1e6:.1f} "
            f"are needed); {REMEDY}"
        )
    with full_disk_in_words(name or place), tempfile.TemporaryFile(dir=place) as file:
        file.truncate(largest)


def _reason(place: Path, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == QUOTA:
        return "your quota on this disk is used up"
    if number == TOO_LARGE:
        return "the file grew larger than this system or session allows (ulimit -f)"
    folder = next(each for each in (place, *place.absolute().parents) if each.is_dir())
    room = os.statvfs(folder)
    if room.f_files and not room.f_favail:
        return "the disk is full, it takes no more files (no inodes are free)"
    full = f"the disk is full ({room.f_bavail * room.f_frsize / 1e6:.1f} MB are free)"
    return full if number else f"{full}, or a file reached its largest size (ulimit -f)"
