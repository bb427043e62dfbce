"""A bundle of ours whose package is a program that does not end."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export.bundle.quiet import quiet

LENGTH = 16
WIDTH = 500
COMMANDS = (
    ("export.predict", "--text", "a few words"),
    ("export.diagnose",),
    ("bench.compare", "--runtime", "coreml-sim", "--workload", "fixed:16", "--seconds", "1"),
)
LIMIT = "error: a loop did not end within 100000 steps (max_iterations)"
BEGUN = 20
"""Seconds after which a command is in the loop, on a busy machine: an import may lose a Ctrl-C."""
MOST_SECONDS = 60


def endless_bundle(bundle: Path, heavy: bool = False) -> None:
    """Put an endless loop in the place of a bundle's package.

    Args:
        bundle: a classifier of three labels, for inputs of 16 tokens and others.
        heavy: its steps take milliseconds, and the limit of steps minutes to reach.
    """
    settings = json.loads((bundle / "model.json").read_text(encoding="utf-8"))
    settings |= {"lengths": [LENGTH], "functions": {}, "shapes": "fixed", "checks": []}
    settings["formats"] = {"coreml": settings["formats"]["coreml"]}
    (bundle / "model.json").write_text(json.dumps(settings), encoding="utf-8")
    package = bundle / settings["package"]
    shutil.rmtree(package)
    size = WIDTH if heavy else 1
    weight = np.eye(size, dtype=np.float32)

    def build(input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
        ids = mb.cast(x=mb.reduce_max(x=input_ids, keep_dims=True), dtype="fp32")
        start = mb.mul(x=mb.add(x=ids, y=np.ones((size, size), np.float32)), y=np.float32(0))
        end = mb.while_loop(
            _cond=lambda a: mb.less(x=mb.reduce_max(x=a), y=np.float32(1)),
            _body=lambda a: mb.matmul(x=a, y=weight),
            loop_vars=(start,),
        )
        corner = mb.slice_by_index(x=end, begin=[0, 0], end=[1, 1])
        return mb.tile(x=corner, reps=[1, 3], name="logits")

    specs = [mb.TensorSpec(shape=(1, LENGTH), dtype=types.int32) for _ in settings["inputs"]]
    with quiet():
        model = ct.convert(
            mb.program(input_specs=specs)(build),
            convert_to="mlprogram",
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        )
        model.save(str(package))


def endless_loop(folder: Path, draw: random.Random) -> str | None:
    """A command on a package that does not end: one line where its steps are many, and status 130
    at Ctrl-C where they are long."""
    heavy = draw.randrange(2) == 1
    endless_bundle(folder / "bundle", heavy)
    line = draw.choice(COMMANDS)
    command = [sys.executable, "-m", line[0], str(folder / "bundle"), *line[1:]]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            if heavy:
                time.sleep(draw.uniform(BEGUN, BEGUN + 5))
                process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"{line[0]} did not end"
    last = error.splitlines()[-1] if error else ""
    expected = (130, "interrupted") if heavy else (2, LIMIT)
    fine = (process.returncode, last) == expected and "Traceback" not in error
    return None if fine else f"{line[0]}: {process.returncode} {error[-200:]}"
