"""The commands of the kit: every file at the root of a package is one.

`python -m distill`, `python -m export` and `python -m bench` list theirs, with the first sentence
of each; ``distilkit PACKAGE COMMAND ...`` runs one, as ``python -m PACKAGE.COMMAND ...`` does.
"""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

from distill.console.errors import UserError, command

KIT = "distilkit"
PACKAGES = ("distill", "export", "bench")
HELP = ("-h", "--help")
INDENT = 29


def commands(package: str) -> dict[str, str]:
    """The commands of a package and the first sentence of each; nothing of them is imported."""
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    files = sorted(Path(next(iter(spec.submodule_search_locations))).glob("[!_]*.py"))
    return {file.stem: _first_sentence(file) for file in files}


def _first_sentence(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).split(". ")[0].rstrip(".") + "."


def kit_version() -> str:
    """``distilkit`` and its version: that of setup.cfg in a checkout, of the package that was
    installed elsewhere."""
    described = ConfigParser()
    described.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    if described.get("metadata", "name", fallback="") == KIT:
        return f"{KIT} {described['metadata']['version']}"
    return f"{KIT} {version(KIT)}"


def list_commands(package: str, argv: Sequence[str] | None = None) -> int:
    """``python -m PACKAGE``: print its commands, or the version; anything else is an error."""
    return command(partial(_list_commands, package))(argv)


def _list_commands(package: str, argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        print(kit_version())
        return 0
    if words and words[0] not in HELP:
        raise UserError(
            f"{words[0]!r} is not a command or an option of {package} (expected "
            f"{', '.join(commands(package))}); run python -m {package}.COMMAND"
        )
    print(f"Commands of {package}; python -m {package}.COMMAND --help says more:\n")
    for name, sentence in commands(package).items():
        print(_entry(f"{package}.{name}", sentence, get_terminal_size().columns))
    return 0


def _entry(name: str, sentence: str, columns: int) -> str:
    """A command and its sentence, which goes on below itself where the terminal ends."""
    first = f"  {name:<{INDENT - 3}} "
    return fill(
        sentence,
        columns,
        initial_indent=first,
        subsequent_indent=" " * INDENT,
        break_on_hyphens=False,
    )


@command
def main(argv: Sequence[str] | None = None) -> int:
    """The entry point ``distilkit``: ``distilkit [PACKAGE [COMMAND ...]]``."""
    words = list(sys.argv[1:] if argv is None else argv)
    package, *rest = words or [HELP[0]]
    if package == "--version":
        print(kit_version())
        return 0
    if package in HELP:
        for each in PACKAGES:
            _list_commands(each, [])
            print()
        return 0
    if package not in PACKAGES:
        raise UserError(f"{package!r} is not a package (expected {', '.join(PACKAGES)})")
    if not rest or rest[0] not in commands(package):
        return _list_commands(package, rest)
    sys.argv = [f"{package}.{rest[0]}", *rest[1:]]
    runpy.run_module(f"{package}.{rest[0]}", run_name="__main__")
    return 0
