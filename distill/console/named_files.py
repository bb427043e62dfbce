"""Files that options name, to be written at the end of a command: that they can be, and that no
file of another kind is lost, is known before the work."""

from __future__ import annotations

import tempfile
from pathlib import Path

from distill.console.atomic import check_replaced
from distill.console.errors import UserError

BEGINNINGS = {
    "save_json": (b"{", b"["),
    "save_predictions": (b"{", b"["),
    "html": (b"<!doctype html",),
    "plot": (b"\x89png",),
}
"""For each option, how a file that it writes begins, in lower case."""


def check_named_files(options: object) -> None:
    """Check the files that the options of `BEGINNINGS` name.

    Raises:
        UserError: as `check_file_place`, or a file of another kind is there.
    """
    for option, beginnings in BEGINNINGS.items():
        if named := getattr(options, option, None):
            path = Path(named)
            check_file_place(path)
            if path.is_file() and not _begins(path, beginnings):
                raise UserError(f"{path} is there and is of another kind; name another file")


def _begins(path: Path, beginnings: tuple[bytes, ...]) -> bool:
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    return not start or start.startswith(beginnings)


def check_file_place(path: Path) -> None:
    """
    Raises:
        UserError: ``path`` is a directory, a link or a device, or nothing can be written where it
            would be.
    """
    check_replaced(path)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{path}: {folder} cannot be written ({error.strerror})") from None
