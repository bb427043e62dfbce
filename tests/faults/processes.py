"""Commands in processes of their own. Their limits, and the moments at which they are stopped, are
counted in what they did, processor time or changes of files, not by the clock: a seed does the same
again on a machine that is busy with other work."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.faults.file_events import COUNT

MOST_SECONDS = 60.0
"""Of the processor, of a command and what it started; the longest here needs 8."""
STILL_SECONDS = 60.0
"""By the clock: a command that does nothing for so long hangs."""
LOOK = 0.03


class Hangs(Exception):
    """A command did not end."""


@dataclass(frozen=True)
class Stop:
    """A signal, and the seconds of the processor after which a command gets it."""

    seconds: float
    how: signal.Signals = signal.SIGKILL


def run(
    command: Sequence[str],
    stop: Stop | None = None,
    most: float = MOST_SECONDS,
    before_it: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        Hangs: it took ``most`` seconds of the processor, or did nothing for `STILL_SECONDS`.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=before_it
    )
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.extend(process.communicate()), daemon=True)
    reader.start()
    try:
        _wait(process, stop, most)
    finally:
        process.kill()
        reader.join(STILL_SECONDS)  # what it started may hold the pipes
    output, error = (text.decode("utf-8", "replace") for text in said or (b"", b""))
    return subprocess.CompletedProcess(list(command), process.returncode, output, error)


def _wait(process: subprocess.Popen[bytes], stop: Stop | None, most: float) -> None:
    used, since = 0.0, time.monotonic()
    while process.poll() is None:
        seconds = processor_seconds(process.pid)
        if stop and seconds >= stop.seconds:
            process.send_signal(stop.how)
            stop = None
        if seconds > most:
            raise Hangs(f"more than {most:g} seconds of the processor")
        if seconds > used:
            used, since = seconds, time.monotonic()
        elif time.monotonic() - since > STILL_SECONDS:
            raise Hangs(f"did nothing for {STILL_SECONDS:g} seconds")
        time.sleep(LOOK)


def processor_seconds(pid: int) -> float:
    """Of a process, of what it started, and of what it started and waited for."""
    try:
        process = psutil.Process(pid)
        running = [process, *process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:4]) for each in running)
    except psutil.NoSuchProcess:  # one of them has just ended
        return 0.0


def killed_at_change(command: Sequence[str], number: int, folder: Path) -> list[str]:
    """The command ``python -m MODULE ...``, which kills itself before its change of that number to
    a file in ``folder``, from 1."""
    python, dash_m, *words = command
    return [python, dash_m, "tests.faults.file_events", str(number), str(folder), *words]


def measured(command: Sequence[str], folder: Path) -> tuple[float, int]:
    """Seconds of the processor that a command takes, and how often it changes a file there."""
    before = _ended_children()
    done = run(killed_at_change(command, 0, folder))
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr[-300:]}")
    (line,) = (line for line in done.stderr.splitlines() if line.startswith(COUNT))
    return _ended_children() - before, int(line.removeprefix(COUNT))


def _ended_children() -> float:
    return float(sum(psutil.Process().cpu_times()[2:4]))
