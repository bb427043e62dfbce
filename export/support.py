"""List what can be exported: model types, tasks and layouts, as the kit's own tables have them.

python -m export.support
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from distill.console.command_parser import command_parser
from distill.console.errors import command
from distill.families.family import Family
from distill.families.table import FAMILIES
from export.tasks.table import TASKS

YES, NO = "yes", "-"
HIDDEN_STATES = "Model"
"""What the classes of `transformers` without a head end in."""


def supports(family: Family, task: str) -> bool:
    """Whether a model type has the head of a task; one made of hidden states alone needs none."""
    return TASKS[task].architecture == HIDDEN_STATES or family.head(task) is not None


def rows() -> list[list[str]]:
    """The table with its heading; model types of which all is the same share a row."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, family in FAMILIES.items():
        tasks = (YES if supports(family, task) else NO for task in TASKS)
        cells = (*tasks, ", ".join(family.layouts), ", ".join(family.tokenizers))
        alike.setdefault(cells, []).append(name)
    heading = ["model type", *TASKS, "layouts", "tokenizer"]
    return [heading, *([", ".join(names), *cells] for cells, names in alike.items())]


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in table
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


@command
def main(argv: Sequence[str] | None = None) -> int:
    command_parser("export.support", __doc__).parse_args(argv)
    print(markdown(rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
