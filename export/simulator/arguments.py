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


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises a `SimulatorError` where argparse prints usage and exits."""

    def __init__(self, prog: str, description: str | None = None, **options: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        options = {"formatter_class": layout, "allow_abbrev": False, **options}
        super().__init__(prog=prog, description=description, **options)

    def error(self, message: str) -> NoReturn:
        raise SimulatorError(f"{message} (--help lists the options)")


def add_json_options(parser: argparse.ArgumentParser, what: str = "the result") -> None:
    """``--json`` prints a result as JSON, ``--save-json FILE`` keeps it; ``what`` that is."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as JSON")
    parser.add_argument("--save-json", type=Path, metavar="FILE", help=f"keep {what} as JSON")


def show_result(arguments: argparse.Namespace, result: Any, lines: Iterable[str]) -> None:
    """Do what the options of `add_json_options` ask; without ``--json`` print the lines."""
    content = json.dumps(result, indent=2)
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
    if path.exists() and not force:
        raise SimulatorError(f"{path} exists already; --force replaces it")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    staged = Path(name)
    try:
        yield staged
        staged.chmod(0o644)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
