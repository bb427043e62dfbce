"""Run a command, and kill it before its n-th change of a file in a folder; 0 counts them.

python -m tests.faults.file_events NUMBER FOLDER MODULE [OPTION ...]
"""

from __future__ import annotations

import atexit
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

COUNT = "changes of files: "
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.truncate")
STAGED = ".staged-"


def is_change(event: str, arguments: tuple[Any, ...], folder: str) -> bool:
    """Whether an event of the interpreter changes a file in a folder, or opens one of what is being
    written, as is done to bring it to the disk."""
    if event == "open":
        path, _, flags = arguments
        path = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        return path.startswith(folder) and bool(flags & WRITING or STAGED in path)
    if event not in CHANGES:
        return False
    path = os.fsdecode(arguments[0])
    return path.startswith(folder) or not Path(path).is_absolute()  # a name in an open folder


def main() -> None:
    number, folder, module = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    process, seen = os.getpid(), 0

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if is_change(event, arguments, folder) and os.getpid() == process:
            seen += 1
            if seen == number:
                os.kill(process, signal.SIGKILL)

    if not number:
        atexit.register(lambda: print(f"{COUNT}{seen}", file=sys.stderr))
    sys.argv = [module, *sys.argv[4:]]
    sys.addaudithook(look)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
