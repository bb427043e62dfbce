"""Libraries without their noise: warnings of untested versions and of what only a Mac has, and
progress bars that would cross ours.

What is dropped is what the thread in the block writes, but for lines that say ERROR; other threads
write on, as streams and filters are the whole process's. Errors are raised, and so are not lost.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

KEPT = "ERROR"
_lock = threading.Lock()
_streams: dict[str, _OfOtherThreads] = {}
"""By its name in `sys`; loggers keep the one that they were made with."""


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Drop what this thread writes to the streams of `sys` with these names, by default stderr, and
    what `coremltools` logs in it."""
    logger, below_error = logging.getLogger("coremltools"), _BelowErrorInThisThread()
    with ExitStack() as stack:
        for name in names or ("stderr",):
            stack.enter_context(_dropped(name))
        logger.addFilter(below_error)
        stack.callback(logger.removeFilter, below_error)
        yield


class _OfOtherThreads:
    """A stream without what the threads in ``silent`` write, which holds how often each entered."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.silent: Counter[int] = Counter()

    def write(self, text: str) -> int:
        if threading.get_ident() not in self.silent or KEPT in text:
            self.stream.write(text)
        return len(text)

    def isatty(self) -> bool:
        return threading.get_ident() not in self.silent and bool(self.stream.isatty())

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


@contextmanager
def _dropped(name: str) -> Iterator[None]:
    thread = threading.get_ident()
    with _lock:
        current = getattr(sys, name)
        if current is not _streams.get(name):
            if name not in _streams or _streams[name].stream is not current:
                _streams[name] = _OfOtherThreads(current)
            setattr(sys, name, _streams[name])
        stream = _streams[name]
        stream.silent[thread] += 1
    try:
        yield
    finally:
        with _lock:
            stream.silent[thread] -= 1
            stream.silent += Counter()  # without those that left
            if not stream.silent and getattr(sys, name) is stream:
                setattr(sys, name, stream.stream)


class _BelowErrorInThisThread(logging.Filter):
    """Drops what a thread logs below an error; a logger may write to an older stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self.thread or record.levelno >= logging.ERROR
