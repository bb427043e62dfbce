"""One run of a session, which Ctrl-C and a limit of time end."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MAX_ITERATIONS = 100_000
MAX_SECONDS = 30.0
"""Steps of a loop, and seconds of a program with one, after which it counts as endless."""
GRACE = 10.0
"""Seconds that a run which is told to end may take to: an operation is not cut short, and a process
that ends before its thread does is aborted."""


class OutOfTime(Exception):
    """A run took longer than its limit."""


def run(
    session: InferenceSession,
    names: Sequence[str],
    feeds: Mapping[str, np.ndarray],
    seconds: float | None,
) -> list[Any]:
    """Outputs of a session, by their names. It runs in a thread of its own: the one that waits is
    the one that Python tells of Ctrl-C.

    Args:
        seconds: after which it is ended; None: never.

    Raises:
        OutOfTime: it did not end in that time.
        Exception: what ONNX Runtime raises; its own types derive from Exception alone.
    """
    import onnxruntime

    options, ended = onnxruntime.RunOptions(), threading.Event()
    outputs: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            outputs.extend(session.run(names, feeds, options))
        except Exception as error:
            errors.append(error)
        finally:
            ended.set()

    try:
        threading.Thread(target=work, name="simulator", daemon=True).start()
        # not Thread.join, which in Python 3.11 takes an interrupted wait for an end
        if not ended.wait(seconds):
            raise OutOfTime
    except BaseException:
        options.terminate = True
        ended.wait(GRACE)
        raise
    if errors:
        raise errors[0]
    return outputs
