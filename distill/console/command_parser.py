"""The parser of a command, with its errors in one line, and the options that say where a result
goes."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar, runtime_checkable

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.console.help_text import HelpText
from distill.console.named_files import check_named_files


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `UserError` where argparse prints its usage and exits."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The options, as a namespace.

        Raises:
            UserError: an unknown option, an argument that is not expected, or a file that an
                option names cannot be written.
        """
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].partition("=")[0]
            if not name.startswith("-"):
                self.error(f"unexpected argument {unknown[0]!r}")
            raise UserError(unknown_option(name, self._option_string_actions))
        check_named_files(parsed)
        return parsed

    def error(self, message: str) -> NoReturn:
        """What argparse calls for an invalid value or a missing option.

        Raises:
            UserError: always.
        """
        raise UserError(f"{message} (--help lists the options)")


def command_parser(
    name: str, description: str | None, epilog: str | None = None
) -> argparse.ArgumentParser:
    """A parser for ``python -m NAME``."""
    return CommandParser(
        prog=f"python -m {name}",
        description=description,
        epilog=epilog,
        formatter_class=HelpText,
        allow_abbrev=False,
    )


def unknown_option(name: str, known: Iterable[str]) -> str:
    """The error for an option that a command does not have, with the nearest that it has."""
    near = get_close_matches(f"--{name.lstrip('-')}", known, 1)
    advice = f"did you mean {near[0]}?" if near else "--help lists the options"
    return f"unknown option {name} ({advice})"


def add_json_options(parser: argparse.ArgumentParser, what: str = "the result") -> None:
    """``--json`` prints a result as JSON in the place of a table, ``--save-json FILE`` keeps it;
    ``what`` that is, in words."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as JSON")
    parser.add_argument("--save-json", type=Path, metavar="FILE", help=f"keep {what} as JSON")


@runtime_checkable
class Result(Protocol):
    """What a command finds; a frozen dataclass."""

    def as_json(self) -> dict[str, object]:
        """The same as JSON can hold it."""


R = TypeVar("R")


class Shown(Protocol):
    """Options that say what is done with a result."""

    json: bool
    save_json: Any


def show_result(
    arguments: Shown | argparse.Namespace, result: R, show: Callable[[R], None]
) -> None:
    """Do what the options of `add_json_options` ask of a result; without ``--json``, ``show``
    prints it."""
    plain = result.as_json() if isinstance(result, Result) else result
    content = json.dumps(finite(plain), indent=2)
    if arguments.save_json:
        save_text(Path(arguments.save_json), f"{content}\n")
    if arguments.json:
        print(content)
    else:
        show(result)


def save_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, whole or not at all."""
    with atomic_file(path) as staged:
        staged.write_text(text, encoding="utf-8")


def finite(value: object) -> object:
    """The same with null where JSON has no number: the PSNR of equal outputs is infinite, and an
    overflow gives NaN."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
