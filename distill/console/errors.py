"""What every command line of the kit shares: errors in one line, and their exit status."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from distill.console.tables import say

Main = Callable[[Sequence[str] | None], int]

USAGE_ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
MOST_CHARACTERS = 2000
"""Of an error's line: a value from elsewhere that it quotes may hold millions."""
PANIC = "PanicException"
"""A library in Rust that gives up; no Exception, and of no module that can be imported."""
LOUD_IMPORTS = ("torchao", "torch.utils._pytree")
"""`transformers` imports torchao where it is installed (the extra `coreai` brings it), which then
warns of its own CUDA files."""


class UserError(Exception):
    """A problem that the user can mend; its message is one line that says how."""


def command(main: Main) -> Callable[..., int]:
    """Decorate ``main(argv)``: a `UserError`, an error that says ``is_for_user`` of itself (the
    simulator's, which imports nothing of the kit), or one of the operating system (a full disk, a
    folder that cannot be written, no memory) becomes one line on stderr and exit status 2; Ctrl-C
    becomes 130. Any other exception is a bug and keeps its traceback.
    """

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> int:
        for name in LOUD_IMPORTS:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            status = main(argv)
            sys.stdout.flush()
            return status
        except BrokenPipeError:  # `| head` has read enough
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
            return BROKEN_PIPE
        except KeyboardInterrupt:
            _close_bars()
            print("interrupted", file=sys.stderr)
            return INTERRUPTED
        except BaseException as error:
            if not is_for_user(error):
                raise
            _close_bars()
            message = shortened(" ".join(_text(error).split()))
            say(f"error: {message or type(error).__name__}", error=True)
            return USAGE_ERROR

    return run


def is_for_user(error: BaseException) -> bool:
    """Whether an error is one that the user can mend: see `command`."""
    return (
        type(error).__name__ == PANIC
        or isinstance(error, UserError | OSError | MemoryError)
        or bool(getattr(error, "is_for_user", False))
    )


def _close_bars() -> None:
    """Let an error begin a line of its own, where a library left its progress bar open."""
    if tqdm := sys.modules.get("tqdm"):
        for bar in list(getattr(tqdm.tqdm, "_instances", ())):
            bar.close()


def _text(error: BaseException) -> str:
    """The error's own words; of the operating system's the file first and no number."""
    if type(error).__name__ == PANIC:
        return f"the library of tokenizers failed ({error}); the tokenizer.json may be damaged"
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def shortened(message: str) -> str:
    """A message without its middle, where it is longer than `MOST_CHARACTERS`."""
    if len(message) <= MOST_CHARACTERS:
        return message
    half = MOST_CHARACTERS // 2
    return f"{message[:half]} ... {message[-half:]}"


def note(text: str) -> None:
    """Print one line beside the result, on stderr; of several processes the first one does."""
    if os.environ.get("RANK", "0") == "0":
        say(f"note: {text}", error=True)
