"""Runs that do not end by themselves: export/simulator/running.py."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from export.simulator import Simulator, SimulatorError
from tests.export.simulator.programs import convert

WIDTH = 400
MOST_SECONDS = 30
"""A tenth of what the loop below would take; a busy machine takes more than was asked for."""
X = np.zeros((WIDTH, WIDTH), np.float32)


def spec() -> Any:
    return mb.TensorSpec(shape=X.shape)


@pytest.fixture(scope="module")
def endless() -> Any:
    """A loop whose steps take milliseconds: its 100,000 steps would take minutes."""
    weight = np.eye(WIDTH, dtype=np.float32)
    return convert(
        lambda x: mb.while_loop(
            _cond=lambda a: mb.less(x=mb.reduce_max(x=a), y=np.float32(1)),
            _body=lambda a: mb.matmul(x=a, y=weight),
            loop_vars=(x,),
        ),
        [spec()],
    )


def test_a_loop_of_heavy_steps_is_ended_by_time(endless: Any) -> None:
    simulator = Simulator(endless, threads=1, max_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(SimulatorError, match=r"a loop did not end within 0.3 s \(max_seconds\)"):
        simulator.predict({"x": X})
    assert time.monotonic() - began < MOST_SECONDS
    assert simulator.predict({"x": X + 2}), "the next run has its own time"


def test_a_program_without_loops_has_no_limit_of_time() -> None:
    simulator = Simulator(convert(lambda x: mb.relu(x=x), [spec()]), max_seconds=1e-9)
    assert simulator.predict({"x": X})


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_limit_of_time_is_a_number_above_0(endless: Any, seconds: float) -> None:
    with pytest.raises(SimulatorError, match=r"max_seconds is .*; it must be a number above 0"):
        Simulator(endless, max_seconds=seconds)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises: a process that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_a_run(endless: Any, interruptible: None) -> None:
    simulator = Simulator(endless, threads=1)
    assert simulator.session
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        simulator.predict({"x": X})
    assert time.monotonic() - began < MOST_SECONDS
