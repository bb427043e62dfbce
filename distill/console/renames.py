"""Renames that take nothing from its place by accident, by Linux' renameat2 where there is one."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

from distill.console.errors import UserError

NOREPLACE, EXCHANGE = 1, 2
"""Flags of renameat2."""
AT_FDCWD = -100


def name_directory(staged: Path, target: Path) -> None:
    """Give a directory its name. The system itself refuses where something else is there, except an
    empty directory.

    Raises:
        FileExistsError: something is at ``target``.
    """
    try:
        staged.rename(target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise _came_up(target) from None
        raise


def name_file(staged: Path, target: Path) -> None:
    """Give a file its name where nothing has it.

    Raises:
        FileExistsError: something is at ``target``.
    """
    if _renameat2(staged, target, NOREPLACE):
        return
    try:
        os.link(staged, target)
    except FileExistsError:
        raise _came_up(target) from None
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise _came_up(target) from None
        staged.replace(target)


def exchange(
    staged: Path, target: Path, previous: Path, may_replace: Callable[[Path], None]
) -> None:
    """Let a new and an older directory change places; where the system cannot, the older one goes
    to ``previous`` first. It is looked at again when it has lost its name: with what was put into
    it meanwhile it gets its place back.

    Raises:
        UserError: as ``may_replace`` does of a directory that must stay.
    """
    may_replace(target)
    older = staged
    if not _renameat2(staged, target, EXCHANGE):
        older = previous
        target.replace(older)
        try:
            staged.replace(target)
        except OSError:
            older.replace(target)
            raise
    try:
        may_replace(older)
    except UserError:
        target.replace(staged.with_name(f"{target.name}.new"))
        older.replace(target)
        may_replace(target)
        raise


def _came_up(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} exists already: it came up while this was made")


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    """Rename in one step with a flag of Linux; false where the system or the file system cannot.

    Raises:
        FileExistsError: with NOREPLACE something is at ``target``.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    done = call(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flag)
    if done == 0:
        return True
    if ctypes.get_errno() == errno.EEXIST:
        raise _came_up(target)
    return False
