"""Temporary files of libraries in a private folder beside what is being written."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "TMPDIR"
LOCK = threading.RLock()
"""The temporary folder is the whole process's: one block at a time has its own."""


@contextmanager
def temporary_files_beside(staged: Path) -> Iterator[Path]:
    """Let libraries write their temporary files into a folder beside ``staged``, of
    `distill.console.atomic`, and yield that folder.

    coremltools writes whole packages there. Nobody else can read them; they go when the staging
    folder goes, after a kill too; and a temporary folder of the system that is full does not
    matter.
    """
    own = staged.parent / f"{staged.name}.temporary"
    with LOCK:
        own.mkdir(mode=0o700)
        folder, variable = tempfile.tempdir, os.environ.get(VARIABLE)
        tempfile.tempdir = os.environ[VARIABLE] = str(own.absolute())
        try:
            yield own
        finally:
            tempfile.tempdir = folder
            if variable is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = variable
