"""Write a file or a directory whole or not at all: beside its place, then renamed.

What is being written is in a hidden folder that its process has locked. A killed process leaves
the folder, but not the lock: the next one that writes to the same place clears it away.
"""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distill.console.errors import UserError
from distill.console.full_disk import full_disk_in_words, is_full
from distill.console.renames import exchange, name_directory, name_file

STAGED = re.compile(r"[a-z0-9_]{8}")
"""What `tempfile` ends the name of a folder with."""


@contextmanager
def atomic_file(path: str | os.PathLike[str], replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which takes its place when the block succeeds.

    When the block raises, the temporary file is removed and an older ``path`` stays as it was.

    Raises:
        FileExistsError: something is at ``path``, then or later, and ``replace`` is false.
        UserError: with ``replace``, a directory, a link or a device is there; the folder cannot be
            made or written, or the disk is full.
    """
    target = Path(path)
    if replace:
        check_replaced(target)
    with _staging(target) as folder:
        if not replace and os.path.lexists(target):
            raise FileExistsError(f"{target} exists already")
        staged = folder / target.name
        yield staged
        _sync(staged)
        if replace:
            check_replaced(target)
            staged.replace(target)
        else:
            name_file(staged, target)
        _sync(target.parent)


def check_replaced(path: Path) -> None:
    """
    Raises:
        UserError: something is there that a file must not take the place of.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a link, which would be lost; name the file itself")
    if path.is_dir():
        raise UserError(f"{path} is a directory; name a file")
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is not a regular file; name a file")


@contextmanager
def atomic_directory(
    path: str | os.PathLike[str], may_replace: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Yield an empty directory beside ``path``, which takes its place when the block succeeds.

    An older ``path`` that holds something stays, unless ``may_replace`` lets it go: then the two
    change places, or the older one is moved aside first where the system cannot exchange names,
    and it is removed only once the new one stands.

    Args:
        may_replace: called with an older ``path`` when its place is taken; raises a `UserError`
            where it must stay.

    Raises:
        FileExistsError: ``path`` holds something, then or later, and there is no ``may_replace``.
        UserError: the folder cannot be made or written, the command runs in it, or the disk is
            full; as ``may_replace``.
    """
    target = _named(Path(path))
    with _staging(target) as folder:
        if may_replace is None and not is_free(target):
            raise FileExistsError(f"{target} exists already")
        staged = folder / target.name
        staged.mkdir()
        yield staged
        for each in (staged, *staged.rglob("*")):
            _sync(each)
        if may_replace is None or is_free(target):
            name_directory(staged, target)
        else:
            exchange(staged, target, folder / _previous(target), may_replace)
        _sync(target.parent)


@contextmanager
def atomic_files(folder: Path) -> Iterator[Path]:
    """Yield an empty directory whose files take their places in ``folder``, one after the other,
    when the block succeeds; other files there stay.

    Raises:
        UserError: ``folder`` cannot be made or written, or the disk is full.
    """
    with _staging(folder / "files") as hidden:
        staged = hidden / "files"
        staged.mkdir()
        yield staged
        written = sorted(path for path in staged.rglob("*") if not path.is_dir())
        for path in written:
            _sync(path)
        for path in written:
            target = folder / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        for changed in {folder, *((folder / path.relative_to(staged)).parent for path in written)}:
            _sync(changed)


def is_free(path: str | os.PathLike[str]) -> bool:
    """Whether nothing is at ``path``, or an empty directory: nothing is lost by writing there."""
    target = Path(path)
    return not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir()))


def check_free(path: str | os.PathLike[str]) -> None:
    """Check that a folder can be written without a loss.

    Raises:
        UserError: something is at ``path``.
    """
    if not is_free(path):
        raise UserError(f"{path} exists already and is not empty; choose another --out")


def _named(target: Path) -> Path:
    """A path that ends in a name, which a rename needs.

    Raises:
        UserError: the process runs in that folder, and would be left in a removed one.
    """
    if Path.cwd().is_relative_to(target.resolve()):
        raise UserError(
            f"{target} is the folder that this command runs in, which cannot be replaced; name a "
            "new folder in it, or start the command elsewhere"
        )
    return target.resolve() if target.name in ("", "..") else target


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target``: on the same file system, so that a rename is atomic.
    Folders made on the way to it go again where nothing came of it."""
    new = [folder for folder in target.parents if not folder.exists()]
    with full_disk_in_words(target):
        folder = _hidden_folder(target)
    lock = _lock(folder)
    try:
        with full_disk_in_words(target):
            folder.mkdir(exist_ok=True)  # another process may have seen it before it had its lock
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        with suppress(OSError):  # not empty: it is written
            for empty in new:
                empty.rmdir()


def _hidden_folder(target: Path) -> Path:
    """
    Raises:
        UserError: the place cannot be written.
    """
    prefix = staged_prefix(target.name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_staged(target)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    except OSError as error:
        if is_full(error):
            raise
        raise UserError(f"{target} cannot be written: {error.strerror}") from None


def clear_staged(target: Path) -> None:
    """Remove the staging folders that killed processes of this user left beside ``target``, or
    bring a rename to its end that one of them began. A folder that is not named as `tempfile`
    names one, that others can read, or whose process runs stays."""
    prefix = staged_prefix(target.name)
    for left in target.parent.glob(f"{glob.escape(prefix)}*"):
        if STAGED.fullmatch(left.name[len(prefix) :]) and not left.is_symlink() and left.is_dir():
            state = left.stat()
            if state.st_uid == os.getuid() and state.st_mode & 0o077 == 0:
                _clear(left, target)


def clear_all_staged(folder: Path) -> None:
    """`clear_staged` of every file in a folder: a process may be killed when a file has its name,
    and no later one writes that file again."""
    for left in folder.glob(".*.staged-*"):
        name = left.name[1:].rpartition(".staged-")[0]
        clear_staged(folder / name)


def staged_prefix(name: str) -> str:
    """How the hidden folder begins in which ``name`` is being written."""
    return f".{name}.staged-"


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the folder's lock, or None: another process has it, or the
    folder is gone, or its file system has no locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _clear(left: Path, target: Path) -> None:
    """Remove what a killed process left, or bring it to its end where only the last rename of
    `exchange` is missing. A folder with files of other names is not one of ours."""
    lock = _lock(left)
    if lock is None:
        return
    try:
        if not all(path.name.startswith(target.name) for path in left.iterdir()):
            return
        staged, previous = left / target.name, left / _previous(target)
        if previous.exists() and staged.exists() and not os.path.lexists(target):
            staged.replace(target)
        shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(lock)


def _previous(target: Path) -> str:
    """What a staging folder calls the older ``target`` that was moved aside."""
    return f"{target.name}.previous"


def _sync(path: Path) -> None:
    """Bring a file or the names in a folder to the disk."""
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
