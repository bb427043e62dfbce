"""Attacks on the model.json of a bundle: the command answers as before, or in one line."""

from __future__ import annotations

import contextlib
import io
import json
import random
import time
from pathlib import Path

from tests.faults.mutations import mutate_json

NAMES = ("../../..", "../bundle/a.mlpackage", "/etc/passwd", "a\x1b]0;gone\x07", "a\x00b")
HUGE = (10**400, -(10**400), 2**31, 2**63, 10**12, -1)
DEEP = "[" * 100_000 + "]" * 100_000
TEXT = "a few words"
MOST_SECONDS = 20
"""Of the processor."""


def tiny_bundle(folder: Path) -> None:
    """A classifier of three layers, 16 wide, exported to Core ML, and what it answers."""
    from export.coreml import main
    from tests.export.tiny_models import save_checkpoint

    save_checkpoint("bert", "classify", folder / "model")
    options = ["--task", "classify", "--lengths", "16,32", "--out", str(folder / "bundle")]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["--model", str(folder / "model"), *options]) == 0
    _, printed, _ = answered(folder / "bundle")
    (folder / "answer.txt").write_text(printed, encoding="utf-8")


def mutated_settings(folder: Path, draw: random.Random) -> str | None:
    """Change model.json and ask the bundle: one line, or the answer it gave before; another only
    where what changed names the labels or says what the numbers mean."""
    settings = folder / "bundle" / "model.json"
    was = json.loads(settings.read_text(encoding="utf-8"))
    change_settings(settings, draw)
    before, began = _files(folder), time.process_time()
    try:
        status, printed, error = ask(folder / "bundle")
    except Exception as bug:
        return f"{type(bug).__name__}: {bug}"
    if time.process_time() - began > MOST_SECONDS:
        return "it took too long"
    if _files(folder) != before:
        return "a file was touched"
    if {"\x1b", "\x07", "\x00"} & {*printed, *error}:
        return "a control character was printed"
    if status == 0:
        now = json.loads(settings.read_text(encoding="utf-8"))
        same = _answer(printed) == (folder / "answer.txt").read_text(encoding="utf-8")
        other = any(was[key] != now.get(key) for key in ("labels", "activation"))
        return None if same or other else f"another answer: {printed}"
    one_line = error.startswith("error: ") and error.count("\n") == 1
    return None if status == 2 and one_line else f"status {status}: {error}"


def change_settings(settings: Path, draw: random.Random) -> None:
    """Any change of `mutate_json`, or one that model.json invites: names of files that point
    elsewhere, numbers that no machine holds, a value nested too deep."""
    content = json.loads(settings.read_text(encoding="utf-8"))
    action = draw.randrange(6)
    key = draw.choice(sorted(content))
    if action == 0:
        key = draw.choice(("package", "name", "source", "source_path", "task", "quantization"))
        content[key] = draw.choice(NAMES)
    elif action == 1:
        content[key] = draw.choice(HUGE)
    elif action == 2:
        content[key] = [draw.choice(HUGE)] if isinstance(content[key], list) else {"a": HUGE[0]}
    if action > 3:
        mutate_json(settings, draw)
        return
    text = json.dumps(content)
    if action == 3:
        text = text.replace(f'"{key}": ', f'"{key}": {DEEP}, "was": ', 1)
    settings.write_text(text, encoding="utf-8")


def ask(bundle: Path, *options: str) -> tuple[int, str, str]:
    """Status, output and errors of the documented command."""
    from export.predict import main

    printed, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(error):
        status = main([str(bundle), "--text", TEXT, *options])
    return status, printed.getvalue(), error.getvalue()


def answered(bundle: Path) -> tuple[int, str, str]:
    """Of `ask`, without the times in the last line of its output."""
    status, printed, error = ask(bundle)
    return status, _answer(printed), error


def _files(folder: Path) -> dict[str, bytes]:
    """Every file beside and below the folder, with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _answer(printed: str) -> str:
    """What was printed without its last line, the times."""
    return "\n".join(printed.splitlines()[:-1])
