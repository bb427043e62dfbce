"""Checkpoints of a run that are whole: every file is there, and is the one that was written.

The last file of a checkpoint is a list of the others with their digests. A checkpoint without it
was cut short, by a kill or a full disk; one that differs from it was damaged later.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from distill.console.atomic import atomic_file

SEAL = "files.json"
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
WRITTEN = re.compile(
    r"(config|generation_config|trainer_state|files|tokenizer|tokenizer_config|special_tokens_map)"
    r"\.json|vocab\.txt|training_args\.bin|(optimizer|scheduler|scaler)\.pt|rng_state(_\d+)?\.pth|"
    r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?"
)
"""Names of the files that a Trainer writes into a checkpoint, and `seal`."""


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


def stranger(checkpoint: Path) -> Path | None:
    """Something in a checkpoint that no training wrote; None where there is nothing else."""
    for path in sorted(checkpoint.iterdir()):
        if not path.is_file() or path.is_symlink() or not WRITTEN.fullmatch(path.name):
            return path
    return None


def drop_older(run: Path, newest: Path, limit: int | None, best: str | None) -> None:
    """Remove the checkpoints of a run that were written first, so that ``limit`` of them stay, the
    newest and the best among them; one that holds files of others stays in any case."""
    kept = {newest, Path(best)} if best else {newest}
    older = [p for p in newest_first(run) if p not in kept and stranger(p) is None]
    older.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in older[max(limit - len(kept), 0) :] if limit else []:
        shutil.rmtree(path)


def newest_first(run: Path) -> list[Path]:
    """The folders ``checkpoint-N`` of a run, whole or not, from the highest N."""
    numbered = [
        (int(match[1]), path)
        for path in run.glob("checkpoint-*")
        if (match := CHECKPOINT.fullmatch(path.name)) and path.is_dir()
    ]
    return [path for _, path in sorted(numbered, reverse=True)]


def _files(checkpoint: Path) -> Iterator[Path]:
    return (p for p in checkpoint.iterdir() if p.is_file() and p.name != SEAL)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
