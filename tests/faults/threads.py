"""Simulators made and asked in many threads at once, and predictions of one that they share."""

from __future__ import annotations

import io
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np

from export.proof.predictor import Predictor
from export.simulator import Simulator
from tests.faults.bundles import TEXT

THREADS = 16
FUNCTIONS = {"length_16": 16, "length_32": 32}
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def simulators_in_threads(folder: Path, draw: random.Random) -> str | None:
    """Each thread makes a Simulator, runs it, runs one that all share, and asks a bundle: all get
    what one thread alone gets, and what they write on stderr is there."""
    bundle = folder / "bundle"
    jobs = [(draw.choice(sorted(FUNCTIONS)), draw.randrange(5, 50)) for _ in range(THREADS)]
    alone = {name: Simulator(bundle, function=name) for name in FUNCTIONS}
    expected = [_outputs(alone[name], name, value) for name, value in jobs]
    answer = _answer(bundle)
    shared, start = Simulator(bundle, function="length_16"), Barrier(THREADS)

    def work(job: tuple[str, int]) -> list[Any]:
        start.wait()
        own = _outputs(Simulator(bundle, function=job[0]), *job)
        print("a line", file=sys.stderr)
        return [own, _outputs(shared, "length_16", job[1]), _answer(bundle)]

    written, before = io.StringIO(), sys.stderr
    with redirect_stderr(written), ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(work, jobs))
    if sys.stderr is not before or written.getvalue().count("a line\n") != THREADS:
        return "stderr was taken"
    for (name, value), (own, both, said), correct in zip(jobs, found, expected, strict=True):
        if not np.array_equal(own, correct) or said != answer:
            return f"{name}, {value}: another result"
        if not np.array_equal(both, _outputs(alone["length_16"], "length_16", value)):
            return f"{name}, {value}: another result of the shared one"
    return None


def _outputs(simulator: Simulator, name: str, value: int) -> np.ndarray:
    shape = (1, FUNCTIONS[name])
    inputs = {key: np.full(shape, int(key == "attention_mask"), np.int32) for key in INPUTS}
    inputs["input_ids"] += value
    return np.asarray(simulator.predict(inputs)["logits"])


def _answer(bundle: Path) -> dict[str, Any]:
    """What a bundle answers, without the times."""
    answer = Predictor(bundle).predict(TEXT).as_json()
    return {key: value for key, value in answer.items() if not key.endswith("_ms")}
