"""Reports that a command writes into a folder by names that people use, too."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from distill.console.bounded_files import read_object
from distill.console.errors import UserError


def check_report(report: Path, keys: Iterable[str], pictures: Iterable[Path] = ()) -> None:
    """Check that nothing is lost but a report that the command wrote earlier.

    Args:
        report: the JSON file.
        keys: what an object of ours holds at least.
        pictures: files that are drawn beside it.

    Raises:
        UserError: something else has the name of the report, or of a picture without a report.
    """
    if not os.path.lexists(report):
        for picture in pictures:
            if os.path.lexists(picture):
                raise _not_ours(picture)
        return
    try:
        written_by_us = not report.is_symlink() and set(keys) <= read_object(report).keys()
    except UserError:
        written_by_us = False
    if not written_by_us:
        raise _not_ours(report)


def _not_ours(path: Path) -> UserError:
    return UserError(
        f"{path} is not a report of this command, and it would be lost; choose another --out"
    )
