"""One run of a session, which Ctrl-C and a limit of time end."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MAX_ITERATIONS = 100_000
MAX_SECONDS = 60.0
"""Steps of a loop, and seconds of a program with one, after which it counts as endless."""
GRACE = 1.0
"""Seconds that a run which is told to end may take to: an operation is not cut short."""


class OutOfTime(Exception):
    """A run took longer than its limit."""


def run(
    session: Any, names: Sequence[str], feeds: Mapping[str, np.ndarray], seconds: float | None
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

    options = onnxruntime.RunOptions()
    outputs: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            outputs.extend(session.run(names, feeds, options))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="simulator", daemon=True)
    thread.start()
    try:
        thread.join(seconds)
        if thread.is_alive():
            raise OutOfTime
    except BaseException:
        options.terminate = True
        thread.join(GRACE)
        raise
    if errors:
        raise errors[0]
    return outputs
