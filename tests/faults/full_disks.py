"""Commands on a disk that takes no more bytes of a file than a limit, drawn at random."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

LARGEST = 40_000
"""Bytes; every command below writes a larger file."""
COMMANDS = {
    "export.coreml": ["--task", "classify", "--lengths", "16", "--no-verify", "--out"],
    "export.onnx": ["--task", "classify", "--no-verify", "--out"],
    "distill.prepare": ["--text", "text.txt", "--sequence_length", "32", "--corpus_dir"],
}


def checkpoint_and_text(folder: Path) -> None:
    """A classifier of three layers, 16 wide, and a text."""
    from tests.export.tiny_models import save_checkpoint

    save_checkpoint("bert", "classify", folder / "model")
    (folder / "text.txt").write_text("a few words to learn, and some more of them\n" * 20_000)


def full_disk(folder: Path, draw: random.Random) -> str | None:
    """Run a command until its disk is full: one line that says so, and nothing left behind."""
    name = draw.choice(sorted(COMMANDS))
    limit = draw.randrange(LARGEST)
    before = sorted(folder.rglob("*"))
    command = [sys.executable, "-m", name, "--model", str(folder / "model")]
    for option in COMMANDS[name]:
        command.append(str(folder / option) if option.endswith(".txt") else option)
    run = subprocess.run(
        [*command, str(folder / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)),
    )
    left = [path.name for path in sorted(folder.rglob("*")) if path not in before]
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    said = len(errors) == 1 and "Traceback" not in run.stderr
    said = said and str(folder / "out") in errors[0]
    fine = run.returncode == 2 and said and not left
    return None if fine else f"{name}, {limit} bytes: {run.returncode} {left} {run.stderr[-200:]}"
