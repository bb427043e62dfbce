"""A bundle of ours whose package is a program that does not end."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export.bundle.quiet import quiet
from export.simulator.running import MAX_SECONDS
from tests.faults.processes import MOST_SECONDS, Stop, run

LENGTH = 16
WIDTH = 500
INNER_STEPS = 1000
COMMANDS = (
    ("export.predict", "--text", "a few words"),
    ("export.verify", "--against", "MODEL"),
    ("export.diagnose",),
    ("bench.compare", "--runtime", "coreml-sim", "--workload", "fixed:16", "--seconds", "1"),
)
RUN = ("export.simulator", "run", "--inputs", "INPUTS", "--max-seconds", "2")
STEPS = "error: a loop did not end within 100000 steps (max_iterations)"
TIME = "error: a loop did not end within {} s (max_seconds)"
BEGUN = 6
"""Seconds of the processor after which a command is in the loop: an import may lose a Ctrl-C."""
BY_FUNCTION = ("export.simulator", "export.diagnose")
Loop = Callable[[Any], Any]


def _goes_on(value: Any) -> Any:
    return mb.less(x=mb.reduce_max(x=value), y=np.float32(1))


def _light(start: Any) -> Any:
    """Its steps are counted before its time is up."""
    return _endless(start, lambda a: mb.mul(x=a, y=np.float32(1)))


def _heavy(start: Any) -> Any:
    """Its steps take milliseconds."""
    weight = np.eye(WIDTH, dtype=np.float32)
    large = mb.mul(x=mb.tile(x=start, reps=[WIDTH, WIDTH]), y=np.float32(0))
    return _endless(large, lambda a: mb.matmul(x=a, y=weight))


def _nested(start: Any) -> Any:
    """Each step is a loop, which ends: no count reaches its limit for long."""

    def body(value: Any) -> Any:
        inner = mb.while_loop(
            _cond=lambda a: mb.less(x=mb.reduce_max(x=a), y=np.float32(INNER_STEPS)),
            _body=lambda a: mb.add(x=a, y=np.float32(1)),
            loop_vars=(value,),
        )
        return mb.mul(x=inner, y=np.float32(0))

    return _endless(start, body)


def _endless(start: Any, body: Loop) -> Any:
    return mb.while_loop(_cond=_goes_on, _body=body, loop_vars=(start,))


LOOPS: dict[str, Loop] = {"light": _light, "heavy": _heavy, "nested": _nested}


def _package(inputs: int, loop: Loop, path: Path) -> None:
    """A package of three scores that come out of a loop."""

    def build(input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
        ids = mb.cast(x=mb.reduce_max(x=input_ids, keep_dims=True), dtype="fp32")
        end = loop(mb.mul(x=ids, y=np.float32(0)))
        corner = mb.slice_by_index(x=end, begin=[0, 0], end=[1, 1])
        return mb.tile(x=corner, reps=[1, 3], name="logits")

    specs = [mb.TensorSpec(shape=(1, LENGTH), dtype=types.int32) for _ in range(inputs)]
    model = ct.convert(
        mb.program(input_specs=specs, opset_version=ct.target.iOS18)(build),
        convert_to="mlprogram",
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS18,
        skip_model_load=True,
    )
    model.save(str(path))


def endless_bundle(bundle: Path, kind: str = "light", second: bool = False) -> None:
    """Put an endless loop in the place of a bundle's package.

    Args:
        bundle: a classifier of three labels, for inputs of 16 tokens and others.
        kind: one of `LOOPS`.
        second: the loop is in a function that is not the default one.
    """
    settings = json.loads((bundle / "model.json").read_text(encoding="utf-8"))
    functions = {str(LENGTH): f"length_{LENGTH}"} if second else {}
    settings |= {"lengths": [LENGTH], "functions": functions, "checks": []}
    settings |= {"shapes": "functions" if second else "fixed"}
    settings["formats"] = {"coreml": settings["formats"]["coreml"]}
    (bundle / "model.json").write_text(json.dumps(settings), encoding="utf-8")
    package = bundle / settings["package"]
    shutil.rmtree(package)
    inputs = len(settings["inputs"])
    with quiet():
        if not second:
            _package(inputs, LOOPS[kind], package)
            return
        with tempfile.TemporaryDirectory() as folder:
            ends, endless = Path(folder) / "ends.mlpackage", Path(folder) / "endless.mlpackage"
            _package(inputs, lambda start: start, ends)
            _package(inputs, LOOPS[kind], endless)
            described = ct.utils.MultiFunctionDescriptor()
            described.add_function(str(ends), "main", "ends")
            described.add_function(str(endless), "main", functions[str(LENGTH)])
            described.default_function_name = "ends"
            ct.utils.save_multifunction(described, str(package))


def endless_loop(folder: Path, draw: random.Random) -> str | None:
    """A command on a package that does not end: one line at the limit of its steps or of its time,
    and status 130 at Ctrl-C."""
    kind, second = draw.choice(sorted(LOOPS)), draw.randrange(2) == 1
    interrupted = kind != "light" and draw.randrange(2) == 1
    line = draw.choice(COMMANDS if interrupted else (*COMMANDS, RUN, RUN))
    seconds = "2" if line is RUN else f"{MAX_SECONDS:g}"
    expected = (2, STEPS if kind == "light" else TIME.format(seconds))
    if interrupted:
        expected = (130, "interrupted")
    endless_bundle(folder / "bundle", kind, second)
    command = _command(line, folder, second)
    stop = Stop(BEGUN + draw.random(), signal.SIGINT) if interrupted else None
    done = run(command, stop=stop, most=MOST_SECONDS + MAX_SECONDS)
    last = done.stderr.splitlines()[-1] if done.stderr else ""
    fine = (done.returncode, last) == expected and "Traceback" not in done.stderr
    return None if fine else f"{kind}, {second}, {line}: {done.returncode} {done.stderr}"


def _command(line: tuple[str, ...], folder: Path, second: bool) -> list[str]:
    """A command on the bundle of a folder; where there are two functions, on the second."""
    module, *options = line
    named = {"MODEL": str(folder / "model"), "INPUTS": str(folder / "inputs.json")}
    words = [named.get(word, word) for word in options]
    if line is RUN:
        zeros = [[0] * LENGTH]
        inputs = dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), zeros)
        (folder / "inputs.json").write_text(json.dumps(inputs))
    verb = [words.pop(0)] if line is RUN else []
    function = ["--function", f"length_{LENGTH}"] if second and module in BY_FUNCTION else []
    return [sys.executable, "-m", module, *verb, str(folder / "bundle"), *words, *function]
