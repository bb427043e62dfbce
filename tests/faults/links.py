"""Links in a bundle and in a checkpoint that lead out of it, or, as in the cache of the hub, to the
blobs beside it."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from distill.console.errors import UserError
from export.simulator import Simulator, SimulatorError
from tests.faults.bundles import ask


def replaced_by_link(path: Path, outside: Path) -> None:
    """Move a file or folder out and leave a link to it."""
    outside.mkdir(exist_ok=True)
    moved = outside / f"{len(list(outside.iterdir()))}-{path.name}"
    shutil.move(path, moved)
    path.symlink_to(moved if random.Random(str(path)).randrange(2) else _relative(moved, path))


def as_in_the_hub(folder: Path) -> Path:
    """Where a folder is after a move into the layout of the hub's cache."""
    model = folder.parent / "models--owner--name"
    snapshot, blobs = model / "snapshots" / "0123abcd", model / "blobs"
    blobs.mkdir(parents=True)
    snapshot.parent.mkdir()
    shutil.move(folder, snapshot)
    for number, path in enumerate(sorted(snapshot.rglob("*"))):
        if path.is_file():
            shutil.move(path, blobs / str(number))
            path.symlink_to(_relative(blobs / str(number), path))
    return snapshot


def _relative(target: Path, link: Path) -> str:
    return os.path.relpath(target, link.parent)


def link_in_a_bundle(folder: Path, draw: random.Random) -> str | None:
    """One line where a link leads out; the answer as before where all are those of the hub."""
    bundle = folder / "bundle"
    if draw.randrange(4) == 0:
        status, printed, error = ask(as_in_the_hub(bundle))
        same = printed.startswith((folder / "answer.txt").read_text(encoding="utf-8"))
        return None if status == 0 and same else f"in the hub's cache: {error}"
    path = draw.choice(sorted(bundle.rglob("*")))
    action = draw.randrange(3)
    if action == 0:
        replaced_by_link(path, folder / "outside")
    else:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(path.name if action == 1 else draw.choice(("/etc/passwd", "/", "../..")))
    status, _, error = ask(bundle)
    if status != 2 or not error.startswith("error: ") or error.count("\n") != 1:
        return f"{path.name}: status {status} {error}"
    if path.name in ("tokenizer.json", "vocab.txt"):  # which the simulator does not read
        return None
    try:
        Simulator(bundle)
    except SimulatorError:
        return None
    return f"{path.name}: the simulator followed it"


def link_in_a_checkpoint(folder: Path, draw: random.Random) -> str | None:
    """As `link_in_a_bundle`."""
    from tests.faults.attacks import load_all

    if draw.randrange(4) == 0:
        shutil.copytree(folder, folder / "model")
        load_all(as_in_the_hub(folder / "model"))
        return None
    path = draw.choice(sorted(folder.iterdir()))
    replaced_by_link(path, folder.parent / f"{folder.name}-outside")
    try:
        load_all(folder)
    except UserError as error:
        return None if "leads out" in str(error) else str(error)
    finally:
        shutil.rmtree(folder.parent / f"{folder.name}-outside")
    return f"{path.name}: followed"
