"""What a command prints as a table, within the width of the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

FILE_WIDTH = 150
COMMAND = "next: "
"""What a line with a command to copy begins with."""
BETWEEN = 3
"""Spaces between two columns; the two at the edges take one less."""
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""All but tab and line feed; other ends of lines; what turns the direction of writing, so that a
name reads as another; and half characters, which no terminal takes."""
Pair = tuple[str, str]
"""A name and what it is."""


def visible(text: str) -> str:
    """A text with the codes of its control characters, in JSON's form: a name from elsewhere may
    hold sequences that move the cursor or retitle the terminal."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """As `visible`, the ends of lines too: a name must not begin a line of its own."""
    return visible(text).replace("\n", "\\u000a")


def say(*lines: str, error: bool = False) -> None:
    """Print lines that may hold names from elsewhere, each `one_line`; ``error``: on stderr."""
    stream = sys.stderr if error else sys.stdout
    for line in lines:
        print("\n".join(between_words(one_line(line), stream.isatty())), file=stream)


def between_words(line: str, terminal: bool) -> list[str]:
    """A line as a terminal shows it: it ends between two words. A command is left whole, to be
    copied."""
    if not terminal or line.startswith(COMMAND):
        return [line]
    width = shutil.get_terminal_size().columns
    return textwrap.wrap(
        line, width, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    ) or [line]


def plain(text: str) -> Text:
    """A text as a table shows it: no markup, and `visible`."""
    from rich.text import Text

    return Text(visible(text))


def wide_console() -> Console:
    """A terminal as wide as it is (or as COLUMNS says); a file or pipe as wide as the widest table.
    Text is printed as it is: brackets in a model's name are not markup."""
    from rich.console import Console

    as_it_is = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if as_it_is else FILE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_pairs(title: str, pairs: Iterable[Pair]) -> None:
    """Print a table of names and values, long values over several lines."""
    from rich.table import Table

    table = Table(title=plain(one_line(title)), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(plain(one_line(name)), plain(one_line(value)))
    wide_console().print(table)


def print_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[bool],
    total: bool = False,
) -> None:
    """Print a table. One that is too wide is printed in parts, each with the columns of text;
    only where these alone are too wide, their cells are broken.

    Args:
        numbers: the columns to align right; they are never broken.
        total: whether a rule stands before the last row.
    """
    from rich import box
    from rich.table import Table

    console = wide_console()
    for number, columns in enumerate(parts(header, rows, numbers, console.width)):
        name = title if not number else f"{title.splitlines()[0]} (continued)"
        shown = Table(
            title=plain(name),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 1),
            pad_edge=False,
        )
        for column in columns:
            shown.add_column(
                plain(header[column]),
                justify="right" if numbers[column] else "left",
                overflow="fold",
                no_wrap=numbers[column],
            )
        for place, row in enumerate(rows):
            last = total and place == len(rows) - 2
            cells = (plain(one_line(row[column])) for column in columns)
            shown.add_row(*cells, end_section=last)
        console.print(shown)


def parts(
    header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool], width: int
) -> list[list[int]]:
    """The columns of each part of a table: all columns of text, and as many numbers as fit."""
    sizes = [max(map(len, column)) + BETWEEN for column in zip(header, *rows, strict=True)]
    texts = [column for column, number in enumerate(numbers) if not number]
    columns_by_part: list[list[int]] = []
    room = 0
    for column, number in enumerate(numbers):
        if not number:
            continue
        if not columns_by_part or sizes[column] > room:
            columns_by_part.append([])
            room = width + 1 - sum(sizes[text] for text in texts)
        columns_by_part[-1].append(column)
        room -= sizes[column]
    return [sorted([*texts, *part]) for part in columns_by_part or [[]]]
