"""`coremltools` as the simulator needs it: to read programs, silently, and from any thread.

What coremltools keeps for the whole process (the block that is being built, its counters) is behind
a lock. Its messages are dropped for the thread that reads, and for no other; nothing of the process
is changed: not `sys.stderr`, no level of a logger.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coremltools.models import MLModel

_FRAMEWORKS = (
    *("torch", "torchvision", "torchaudio", "torchao", "executorch", "tensorflow"),
    *("sklearn", "transformers", "xgboost", "libsvm"),
)
_HIDDEN = (
    "coremltools was first imported by the simulator, without {}; "
    "to convert models too, import coremltools before a Simulator is made"
)
_lock = threading.RLock()


@contextmanager
def reading() -> Iterator[None]:
    """Hold the lock around coremltools and silence it for this thread; import from it inside."""
    with _lock, silent():
        _import_coremltools()
        yield


@contextmanager
def silent() -> Iterator[None]:
    """Drop what coremltools logs in this thread below an error."""
    logger, silence = logging.getLogger("coremltools"), _OfThisThread()
    logger.addFilter(silence)
    try:
        yield
    finally:
        logger.removeFilter(silence)


class _OfThisThread(logging.Filter):
    """Drops what a thread logs below an error."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self.thread or record.levelno >= logging.ERROR


def _import_coremltools() -> None:
    """Import it without the frameworks it converts from, which take seconds and are not needed to
    read; a process that has torch already gets all of it."""
    if "coremltools" in sys.modules:
        return
    if "torch" in sys.modules:
        importlib.import_module("coremltools")
        return
    hidden = [name for name in _FRAMEWORKS if name not in sys.modules and _installed(name)]
    hide = _Hide(hidden)
    sys.meta_path.insert(0, hide)
    try:
        coremltools: Any = importlib.import_module("coremltools")
    finally:
        sys.meta_path.remove(hide)
    if hidden:
        coremltools.convert = _explained(coremltools.convert, _HIDDEN.format(", ".join(hidden)))


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # somebody else hides it
        return False


class _Hide(importlib.abc.MetaPathFinder):
    """Modules that the current thread does not find; others do."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.thread = frozenset(names), threading.get_ident()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in self.names and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{name} is hidden while coremltools is imported", name=name)
        return None


def _explained(convert: Callable[..., MLModel], reason: str) -> Callable[..., MLModel]:
    """``coremltools.convert``; where it fails, the error says what was left out."""

    def explained(*arguments: object, **options: object) -> MLModel:
        try:
            return convert(*arguments, **options)
        except Exception as error:
            error.add_note(reason)
            raise

    return explained
