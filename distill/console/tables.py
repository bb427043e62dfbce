"""What a command prints as a table: names on the left and what they are on the right."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

FILE_WIDTH = 150
Pair = tuple[str, str]
"""A name and what it is."""


def wide_console() -> Console:
    """A terminal as wide as it is (or as COLUMNS says); a file or pipe as wide as the widest table.
    Text is printed as it is: brackets in a model's name are no markup."""
    from rich.console import Console

    as_it_is = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if as_it_is else FILE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_pairs(title: str, pairs: Iterable[Pair]) -> None:
    """Print a table of names and values, long values over several lines."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(Text(name), Text(value))
    wide_console().print(table)
