"""Commands on a disk that is full: a limit on the bytes of a file, drawn at random, which needs no
rights; for root a small file system of its own, too."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tests.faults.processes import run

LARGEST = 40_000
"""Bytes; every command below writes a larger file."""
ROOM = 100_000
"""Bytes of the small file system at most: no command below finds enough."""
MODEL = ("--model", "model")
TRAINING = ("--use_cpu", "--report_to", "none", "--max_steps", "2", "--save_steps", "1")
EXPORT = (*MODEL, "--task", "classify", "--no-verify")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("export.coreml", *EXPORT, "--lengths", "16"),
    ("export.coreml", *EXPORT, "--lengths", "16", "--quantize", "int8"),
    *([("export.coreai", *EXPORT, "--lengths", "16")] if find_spec("coreai_torch") else []),
    ("export.onnx", *EXPORT),
    ("export.onnx", *EXPORT, "--quantize", "int8"),
    ("distill.prepare", *MODEL, "--text", "text.txt", "--sequence_length", "32"),
    (
        *("distill.finetune", *MODEL, "--task", "classify", "--data", "rows.csv"),
        *("--max_length", "16", *TRAINING),
    ),
    (
        *("distill.pretrain", "--teacher", "teacher", "--layers", "1", "--text", "text.txt"),
        *("--sequence_length", "32", "--per_device_train_batch_size", "4", *TRAINING),
    ),
)
TRAININGS = ("distill.finetune", "distill.pretrain")
"""What these have written stays: the same command goes on from it."""


def checkpoint_and_text(folder: Path) -> None:
    """A classifier and a language model, both 16 wide, a text, and rows with labels."""
    from transformers import BertForMaskedLM

    from tests.export.tiny_models import save_checkpoint
    from tests.faults.attacks import tiny_checkpoint

    save_checkpoint("bert", "classify", folder / "model")
    tiny_checkpoint(folder / "teacher", BertForMaskedLM, layers=2)
    (folder / "text.txt").write_text("a few words to learn, and some more of them\n" * 20_000)
    rows = [f"{'some' if n % 2 else 'a few'} words {n},label {n % 3}" for n in range(30)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *rows]) + "\n")


def full_disk(folder: Path, draw: random.Random) -> str | None:
    """Run a command until its disk is full: one line that says so, and nothing left behind, or of a
    training nothing hidden."""
    line, limit = draw.choice(COMMANDS), draw.randrange(LARGEST)
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
    return _run(line, folder, folder / "out", full)


def full_file_system(folder: Path, draw: random.Random) -> str | None:
    """As `full_disk`, on a file system of a few kilobytes, or of a few files."""
    line = draw.choice(COMMANDS)
    size, files = draw.choice(((draw.randrange(8192, ROOM), 0), (10 * ROOM, draw.randrange(3, 5))))
    with _small(folder / "disk", size, files) as disk:
        return _run(line, folder, disk / "out")


def can_mount() -> bool:
    """Whether this process may make a file system."""
    return os.geteuid() == 0 and shutil.which("mount") is not None and _mounts()


def _mounts() -> bool:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        try:
            with _small(Path(folder) / "disk", ROOM, 0):
                return True
        except subprocess.CalledProcessError:  # a container without the right to
            return False


@contextmanager
def _small(place: Path, size: int, files: int) -> Iterator[Path]:
    place.mkdir()
    options = f"size={size}" + (f",nr_inodes={files}" if files else "")
    line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    subprocess.run(line, check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def _run(
    line: tuple[str, ...], folder: Path, out: Path, before_it: Callable[[], None] | None = None
) -> str | None:
    files = sorted(folder.rglob("*"))
    named = {path.name: str(path) for path in folder.iterdir()}
    name, *options = line
    command = [sys.executable, "-m", name, *(named.get(word, word) for word in options)]
    done = run([*command, "--out", str(out)], before_it=before_it)
    left = [path.name for path in sorted(folder.rglob("*")) if path not in files]
    if name in TRAININGS:
        left = [each for each in left if ".staged-" in each]
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    said = len(errors) == 1 and "Traceback" not in done.stderr and str(out) in errors[0]
    fine = done.returncode == 2 and said and not left
    return None if fine else f"{line[:1] + line[-2:]}: {done.returncode} {left} {done.stderr}"
