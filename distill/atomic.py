"""Write a file or a directory whole or not at all: beside its place, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which takes its place when the block succeeds.

    When the block raises, the temporary file is removed and an older ``path`` stays as it was.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full.
    """
    target = Path(path)
    with _staging(target) as folder:
        staged = folder / target.name
        yield staged
        _flush(staged)
        staged.replace(target)


@contextmanager
def atomic_directory(path: str | os.PathLike[str], replace: bool = False) -> Iterator[Path]:
    """Yield an empty directory beside ``path``, which takes its place when the block succeeds.

    With ``replace`` an older ``path`` is moved aside first and removed only once the new one
    stands; it is put back should the rename fail.

    Raises:
        FileExistsError: ``path`` exists and ``replace`` is false.
        OSError: the folder cannot be made or written, or the disk is full.
    """
    target = Path(path)
    if not replace and os.path.lexists(target):
        raise FileExistsError(f"{target} exists already")
    with _staging(target) as folder:
        staged = folder / target.name
        staged.mkdir()
        yield staged
        _swap(staged, target, folder / "previous")


def is_free(path: str | os.PathLike[str]) -> bool:
    """Whether nothing is at ``path``, or an empty directory: nothing is lost by writing there."""
    target = Path(path)
    return not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir()))


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target``: on the same file system, so that a rename is atomic."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(staged: Path, target: Path, previous: Path) -> None:
    existed = os.path.lexists(target)
    if existed:
        target.replace(previous)
    try:
        staged.replace(target)
    except OSError:
        if existed:
            previous.replace(target)
        raise


def _flush(path: Path) -> None:
    """Make sure that the bytes are on the disk before the name points to them."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
