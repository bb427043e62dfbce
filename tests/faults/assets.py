"""Attacks on the Core AI asset of a bundle, which Apple's own runtime reads."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import sys
from pathlib import Path

from tests.faults.bundles import TEXT, tiny_bundle
from tests.faults.mutations import mutate_bytes, mutate_json
from tests.faults.processes import run

FILES = ("main.mlirb", "main.mlirb", "main.hash", "metadata.json")


def tiny_bundle_with_asset(folder: Path) -> None:
    """`tiny_bundle` with an asset beside the package."""
    from export.coreai import main

    tiny_bundle(folder)
    options = ["--task", "classify", "--lengths", "16,32", "--no-verify"]
    with contextlib.redirect_stdout(io.StringIO()):
        line = ["--model", str(folder / "model"), *options, "--out", str(folder / "bundle")]
        assert main(line) == 0


def mutated_asset(folder: Path, draw: random.Random) -> str | None:
    """Change a file of the asset, in half of the cases with the digest that belongs to it: one
    line, or the answer it gave before. A changed weight is not told from another model."""
    (asset,) = (folder / "bundle").glob("*.aimodel")
    path = asset / draw.choice(FILES)
    before = path.read_bytes()
    if draw.randrange(6) == 0:
        path.unlink()
    elif path.suffix == ".json":
        mutate_json(path, draw)
    else:
        mutate_bytes(path, draw)
    agrees = path.name == "main.mlirb" and path.is_file() and draw.randrange(2) == 0
    if agrees:
        (asset / "main.hash").write_bytes(hashlib.sha256(path.read_bytes()).digest())
    command = [sys.executable, "-m", "export.predict", str(folder / "bundle")]
    done = run([*command, "--engine", "coreai", "--text", TEXT])
    if done.returncode == 0:
        answer = (folder / "answer.txt").read_text(encoding="utf-8")
        same = done.stdout.startswith(answer) and (agrees or path.name != "main.hash")
        return None if same or agrees or before == path.read_bytes() else f"{path.name}: accepted"
    one_line = done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    return None if done.returncode == 2 and one_line else f"{done.returncode} {done.stderr}"
