"""Attacks on the files of a Core ML package and on an ONNX file, which other libraries read."""

from __future__ import annotations

import contextlib
import io
import os
import random
import sys
from pathlib import Path

from tests.faults.bundles import TEXT, tiny_bundle
from tests.faults.mutations import mutate_bytes, mutate_json
from tests.faults.names import unsafe
from tests.faults.processes import run

COMMANDS = (
    ("export.predict", "BUNDLE", "--text", TEXT),
    ("export.verify", "BUNDLE", "--against", "MODEL"),
    ("bench.compare", "BUNDLE", "--workload", "fixed:16", "--seconds", "0.1"),
    ("export.lint", "BUNDLE"),
)
PLACES = ("../../../../etc/passwd", "/etc/passwd", "/dev/zero", "pipe", "nowhere", "a\x1b[2J")


def mutated_package(folder: Path, draw: random.Random) -> str | None:
    """Change a file of the package: a command has one line, or a result. A changed weight is not
    told from another model, so any result will do."""
    (package,) = (folder / "bundle").glob("*.mlpackage")
    path = draw.choice([file for file in sorted(package.rglob("*")) if file.is_file()])
    if draw.randrange(6) == 0:
        path.unlink()
    elif path.suffix == ".json":
        mutate_json(path, draw)
    else:
        mutate_bytes(path, draw)
    line = draw.choice(COMMANDS)
    named = {"BUNDLE": str(folder / "bundle"), "MODEL": str(folder / "model")}
    return _asked([named.get(word, word) for word in line], path)


def bundle_and_onnx(folder: Path) -> None:
    from export.onnx import main

    tiny_bundle(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        line = ["--model", str(folder / "model"), "--task", "classify", "--no-verify"]
        assert main([*line, "--out", str(folder / "model.onnx")]) == 0


def mutated_onnx(folder: Path, draw: random.Random) -> str | None:
    """Change bytes of an ONNX file, or let its weights be where no file of ours is."""
    path = folder / "model.onnx"
    if draw.randrange(2):
        mutate_bytes(path, draw)
    else:
        _weights_elsewhere(path, draw.choice(PLACES))
        os.mkfifo(folder / "pipe")
    options = ("--runtime", "onnxruntime", "--workload", "fixed:16", "--seconds", "0.1")
    return _asked(["bench.compare", str(path), *options], path)


def _weights_elsewhere(path: Path, place: str) -> None:
    import onnx

    model = onnx.load(path)
    tensor = max(model.graph.initializer, key=lambda each: len(each.raw_data))
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", place), ("length", str(size))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())


def _asked(line: list[str], path: Path) -> str | None:
    done = run([sys.executable, "-m", *line])
    if problem := unsafe(done.stdout + done.stderr, ""):
        return f"{path.name}, {line[0]}: {problem}"
    errors = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    fine = done.returncode in (0, 1) or (done.returncode == 2 and len(errors) == 1)
    said = "Traceback" not in done.stderr
    return None if fine and said else f"{path.name}, {line[0]}: {done.returncode} {done.stderr}"
