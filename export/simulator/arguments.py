"""The parser of a command of the simulator, and the options that say where its result goes.

What `distill.console.command_parser` is to the kit, of which nothing is imported here.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from .errors import SimulatorError
from .running import MAX_ITERATIONS, MAX_SECONDS

WRITTEN = {"save_json": (b"{", b"["), "html": (b"<!doctype html",), "plot": (b"\x89png",)}
"""Options that name a file to write at the end, and how such a file begins, in lower case: that it
can be written, and that none of another kind is lost, is known before the work."""


def check_place(path: Path) -> None:
    """
    Raises:
        SimulatorError: ``path`` is a directory, a link or a device, or nothing can be written where
            it would be.
    """
    if path.is_symlink():
        raise SimulatorError(f"{path} is a link, which would be lost; name the file itself")
    if path.is_dir():
        raise SimulatorError(f"{path} is a directory; name a file")
    if path.exists() and not path.is_file():
        raise SimulatorError(f"{path} is not a regular file; name a file")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise SimulatorError(f"{path}: {folder} cannot be written ({error.strerror})") from None


def _check_kind(path: Path, beginnings: tuple[bytes, ...]) -> None:
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(64).lstrip().lower()
        if start and not start.startswith(beginnings):
            raise SimulatorError(f"{path} is there and is of another kind; name another file")


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises a `SimulatorError` where argparse prints usage and exits."""

    def __init__(self, prog: str, description: str | None = None, **options: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        options = {"formatter_class": layout, "allow_abbrev": False, **options}
        super().__init__(prog=prog, description=description, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse; then the places of the files to write are checked.

        Raises:
            SimulatorError: a file of `WRITTEN` cannot be written, or is there and of another kind.
        """
        parsed = super().parse_args(args, namespace)
        for name, beginnings in WRITTEN.items():
            if path := getattr(parsed, name, None):
                check_place(path)
                _check_kind(path, beginnings)
        return parsed

    def error(self, message: str) -> NoReturn:
        """Called by argparse where arguments are wrong.

        Raises:
            SimulatorError: always, with what is wrong.
        """
        raise SimulatorError(f"{message} (--help lists the options)")


def add_json_options(parser: argparse.ArgumentParser, what: str = "the result") -> None:
    """``--json`` prints a result as JSON, ``--save-json FILE`` keeps it; ``what`` that is."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as JSON")
    parser.add_argument("--save-json", type=Path, metavar="FILE", help=f"keep {what} as JSON")


def add_limits(parser: argparse.ArgumentParser) -> None:
    """``--max-iterations`` and ``--max-seconds``, after which a loop is an error."""
    parser.add_argument(
        "--max-iterations",
        type=int,
        default=MAX_ITERATIONS,
        help="steps after which a loop is an error (default: %(default)s)",
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        default=MAX_SECONDS,
        help="of a run, after which a program with a loop is an error (default: %(default)g)",
    )


def show_result(
    arguments: argparse.Namespace, result: object, lines: Iterable[str], indent: int | None = 2
) -> None:
    """Do what the options of `add_json_options` ask; without ``--json`` print the lines."""
    content = json.dumps(result, indent=indent)
    if arguments.save_json:
        with written(arguments.save_json, force=True) as path:
            path.write_text(f"{content}\n", encoding="utf-8")
    print(content if arguments.json else "\n".join(lines))


@contextmanager
def written(path: Path, force: bool) -> Iterator[Path]:
    """A file beside the one to write, which takes its place when all is written.

    Raises:
        SimulatorError: the file is there, and ``force`` is false.
    """
    if os.path.lexists(path) and not force:
        raise SimulatorError(f"{path} exists already; --force replaces it")
    check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    staged = Path(name)
    try:
        yield staged
        staged.chmod(0o644)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
