"""What ``--help`` prints, within the width of the terminal."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import fill, wrap

USAGE = "usage: "
INDENT = "    "
CONTINUED = INDENT + "  "
TOGETHER = "\N{NO-BREAK SPACE}"
"""Between an option and its value, until a command is folded."""
REMARK = re.compile(r"\s{2,}# (.*)$")


class HelpText(argparse.HelpFormatter):
    """A usage of what is required alone, paragraphs and examples broken between words, each option
    with its value once, and those defaults that say something."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: object,
        prefix: str | None = None,
    ) -> None:
        """What argparse calls for the line of usage: the options that are required, and the
        arguments."""
        actions = list(actions)
        named = [action for action in actions if action.option_strings]
        words = [f"{self._name(each)} {self._value(each)}" for each in named if each.required]
        words += [self._value(each) for each in actions if not each.option_strings]
        line = _folded(" ".join([self._prog, "[options]", *words]), self._width - len(USAGE))
        super().add_usage(f"\n{' ' * len(USAGE)}".join(line), [], (), prefix)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(_blocks(text.splitlines(), width))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return self._value(action)
        return " ".join(filter(None, [", ".join(action.option_strings), self._value(action)]))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        said, value = action.help or "", action.default
        silent = value is None or value is False or value in ("", [], argparse.SUPPRESS)
        return said if silent or "default" in said else f"{said} (default: %(default)s)"

    def _name(self, action: argparse.Action) -> str:
        return action.option_strings[0]

    def _value(self, action: argparse.Action) -> str:
        """A word for what an option takes; choices are listed where they fit."""
        if action.nargs == 0 or (action.nargs == "?" and action.const is True):
            return ""
        name = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
        if action.choices and not action.metavar:
            name = f"{{{','.join(map(str, action.choices))}}}"
        if action.nargs == "?":
            return f"[{name}]"
        return f"{name} ..." if action.nargs in ("+", "*") else str(name)


def _blocks(lines: list[str], width: int) -> Iterator[str]:
    """Paragraphs filled to ``width``, and indented lines on their own."""
    for (text, indented), block in groupby(lines, lambda line: (bool(line), line[:1] == " ")):
        if not text:
            yield from block
        elif indented:
            yield from (_indented(line, width) for line in _joined(block))
        else:
            yield fill(" ".join(block), width, break_on_hyphens=False)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Commands whose lines a backslash continues, in one line each."""
    pending = ""
    for line in lines:
        pending = f"{pending} {line.strip()}" if pending else line
        if pending.endswith("\\"):
            pending = pending[:-1].rstrip()
        else:
            yield pending
            pending = ""


def _indented(line: str, width: int) -> str:
    """A command that goes on in the next line behind a backslash, its remark before it; of a table
    the second column goes on below itself."""
    if not line.startswith(INDENT):
        head = re.match(r"\s+\S+\s+", line)
        below = " " * (head.end() if head else 4)
        return fill(line, width, subsequent_indent=below, break_on_hyphens=False)
    remark = REMARK.search(line)
    command = line[: remark.start()] if remark else line
    if remark and len(line) <= width:
        return line
    folded = " \\\n".join(_folded(command.strip(), width - 2, INDENT, CONTINUED))
    return f"{INDENT}# {remark[1]}\n{folded}" if remark else folded


def _folded(command: str, width: int, first: str = "", below: str = "") -> list[str]:
    """A command in lines; an option and its value stay in one."""
    together = re.sub(r"(--[\w-]+) (?=[^-])", rf"\1{TOGETHER}", command)
    lines = wrap(
        together, width, initial_indent=first, subsequent_indent=below,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace(TOGETHER, " ") for line in lines]
