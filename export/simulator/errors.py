"""The simulator's one error: it imports nothing else of the kit."""

from __future__ import annotations


class SimulatorError(ValueError):
    """A package or an input that cannot be simulated; the message is one line that says why."""

    is_for_user = True
    """Read by the decorator of the kit's commands: one line, status 2."""


def one_line(error: Exception) -> str:
    """What an error says, without line breaks."""
    return " ".join(str(error).split())


def first_line(error: BaseException) -> str:
    """The kind of an error, and the first line of what it says."""
    return (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
