"""Checkpoints of a run that are whole: every file is there, and is the one that was written.

The last file of a checkpoint is a list of the others with their digests. A checkpoint without it
was cut short, by a kill or a full disk; one that differs from it was damaged later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from distill.console.atomic import atomic_file

SEAL = "files.json"


def seal(checkpoint: Path) -> None:
    """List the files of a checkpoint in it, when all of them are written.

    Raises:
        OSError: the disk is full.
    """
    listed = {path.name: _digest(path) for path in sorted(_files(checkpoint))}
    with atomic_file(checkpoint / SEAL) as staged:
        staged.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, in a few words; None for one that is whole."""
    try:
        listed = json.loads((checkpoint / SEAL).read_text(encoding="utf-8"))
        if not isinstance(listed, dict) or "trainer_state.json" not in listed:
            return f"{SEAL} is damaged"
    except FileNotFoundError:
        return "it was not written to its end"
    except (OSError, ValueError, RecursionError):
        return f"{SEAL} is damaged"
    for name, digest in listed.items():
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if _digest(path) != digest:
            return f"{name} is not the file that was written"
    return None


def newest_first(run: Path) -> list[Path]:
    """The folders ``checkpoint-N`` of a run, whole or not, from the highest N."""
    numbered = [
        (int(match[1]), path)
        for path in run.glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", path.name)) and path.is_dir()
    ]
    return [path for _, path in sorted(numbered, reverse=True)]


def _files(checkpoint: Path) -> Iterator[Path]:
    return (p for p in checkpoint.iterdir() if p.is_file() and p.name != SEAL)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
