"""What Swift and Python say of the same requests: `textmodels predict` runs the graph of a package
in ONNX Runtime, `export.proof.predictor` the package in the simulator."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from toolchain import PACKAGE, ROOT, Toolchain

sys.path.insert(0, str(PACKAGE / "Tools"))

from make_graphs import copy_library, write_graphs

from export.proof.predictor import Predictor

BUILD = PACKAGE / "build" / "predict"
"""Inside the repository, which is all that a toolchain in a root of its own sees."""
NOT_COMPARED = {"neural_ms", "other_ms", "cut_texts"}
"""Times, and what Python alone says."""
Request = dict[str, Any]
"""`text` and, where needed, `passage`, `n_best` and `zero_shot`."""


@cache
def library() -> Path:
    """ONNX Runtime's C library, where Swift can open it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    return copy_library(BUILD)


def swift_answers(
    swift: Toolchain, bundle: Path, requests: Sequence[Request]
) -> list[dict[str, Any]]:
    """The answers of `textmodels predict`, in the order of the requests."""
    graphs = bundle.parent / f"{bundle.name}-graphs"
    write_graphs(bundle, graphs)
    asked, answered = (bundle.parent / f"{bundle.name}-{n}.jsonl" for n in ("asked", "answered"))
    asked.write_text("".join(f"{json.dumps(each)}\n" for each in requests), encoding="utf-8")
    answered.unlink(missing_ok=True)
    options = ["--graphs", _seen(graphs), "--library", _seen(library())]
    options += ["--requests", _seen(asked), "--save-json", _seen(answered)]
    status, printed = run_predict(swift, bundle, *options)
    assert status == 0, printed
    # not splitlines: a text may hold other line breaks
    return [json.loads(line) for line in answered.read_text("utf-8").split("\n") if line]


def run_predict(swift: Toolchain, bundle: Path, *options: str) -> tuple[int, str]:
    """Status and output of `textmodels predict` on a bundle of the build folder."""
    return run_command(swift, "predict", bundle, *options)


def run_check(swift: Toolchain, bundle: Path) -> tuple[int, str]:
    """Status and output of `textmodels check` on a bundle of the build folder."""
    graphs = bundle.parent / f"{bundle.name}-graphs"
    write_graphs(bundle, graphs)
    options = ("--graphs", _seen(graphs), "--library", _seen(library()))
    return run_command(swift, "check", bundle, *options)


def run_command(swift: Toolchain, command: str, bundle: Path, *options: str) -> tuple[int, str]:
    done = swift.run(
        *("swift", "run", "--skip-build", "-c", "release", "textmodels", command),
        *(_seen(bundle), *options),
    )
    return done.returncode, done.stdout


def python_answers(bundle: Path, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """The answers of Python, by the graph in float32 that Swift runs too."""
    predictor = Predictor(bundle, "float32")
    return [
        predictor.predict(
            each["text"],
            each.get("passage"),
            n_best=each.get("n_best", 1),
            zero_shot=tuple(each.get("zero_shot", ())),
        ).as_json()
        for each in requests
    ]


def difference(found: Any, wanted: Any, path: str = "answer") -> str | None:
    """Where two answers differ: text and whole numbers at all, other numbers by more than 1e-4."""
    if isinstance(wanted, dict):
        keys = [key for key in wanted if key not in NOT_COMPARED]
        missing = [key for key in keys if key not in found]
        if missing:
            return f"{path} has no {missing[0]}"
        pairs = [(found[key], wanted[key], f"{path}.{key}") for key in keys]
    elif isinstance(wanted, list):
        if len(found) != len(wanted):
            return f"{path} has {len(found)} entries, not {len(wanted)}"
        pairs = [(a, b, f"{path}.{i}") for i, (a, b) in enumerate(zip(found, wanted, strict=True))]
    elif isinstance(wanted, float):
        same = math.isclose(found, wanted, rel_tol=1e-4, abs_tol=1e-4)
        return None if same else f"{path} is {found}, not {wanted}"
    else:
        return None if found == wanted else f"{path} is {found!r}, not {wanted!r}"
    return next((d for each in pairs if (d := difference(*each)) is not None), None)


def compare(
    swift: Toolchain, bundle: Path, requests: Sequence[Request]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Swift's answers, and the differences from Python's, each with its request."""
    found = swift_answers(swift, bundle, requests)
    wanted = python_answers(bundle, requests)
    assert len(found) == len(wanted)
    differences = [
        f"{request}: {line}"
        for request, a, b in zip(requests, found, wanted, strict=True)
        if (line := difference(a, b)) is not None
    ]
    return found, differences


def _seen(path: Path) -> str:
    """A path as the package sees it."""
    return path.relative_to(ROOT).as_posix()
