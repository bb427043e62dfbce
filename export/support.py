"""List which models and tasks are supported.

The lists are printed from the kit's own tables, stage by stage; as Markdown into a file or pipe.
In JSON each table is a list of rows, by the words of its heading.

python -m export.support
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import command
from distill.console.tables import print_table
from distill.families.family import Family
from distill.families.table import FAMILIES
from export.tasks.table import TASKS, tasks_of

YES, NO = "yes", "-"
HIDDEN_STATES = "Model"
"""What the classes of `transformers` without a head end in."""
SWIFT_TOKENIZERS = ("wordpiece", "bpe", "unigram")
"""What the Swift package reads; a test compares it with its sources."""
GLUE = "glue"
FORMATS = ("Core ML", "Core AI", "ONNX")


def supports(family: Family, task: str) -> bool:
    """Whether a model type has the head of a task; one made of hidden states alone needs none."""
    return TASKS[task].architecture == HIDDEN_STATES or family.head(task) is not None


def rows() -> list[list[str]]:
    """Model types by task, with the heading; model types of which all is the same share a row."""
    cells = {
        name: (
            *(_word(supports(family, task)) for task in TASKS),
            ", ".join(family.layouts),
            ", ".join(family.tokenizers),
        )
        for name, family in FAMILIES.items()
    }
    return [["model type", *TASKS, "layouts", "tokenizer"], *_together(cells)]


def student_rows() -> list[list[str]]:
    """Model types by what a smaller model of theirs is made with, and whether Swift reads their
    text."""
    cells = {
        name: (
            YES,
            _word(family.has_plain_vocabulary_head),
            _word(family.gives_layers),
            _word(family.gives_units),
            YES,
            *[_word(any(supports(family, task) for task in TASKS))] * len(FORMATS),
            _word(set(family.tokenizers) <= set(SWIFT_TOKENIZERS)),
        )
        for name, family in FAMILIES.items()
    }
    ways = ("of its layers", "fewer units", "fewer entries")
    return [["model type", "teacher", "triple loss", *ways, *FORMATS, "Swift"], *_together(cells)]


def task_rows() -> list[list[str]]:
    """Tasks by stage: what trains their teachers and students, and what runs them."""
    trained = _trained()
    found = [
        [task, trained.get(task, NO), *[YES] * len(FORMATS), _word(TASKS[task].in_swift)]
        for task in TASKS
    ]
    return [["task", "teacher and student", *FORMATS, "Swift"], *found]


def _trained() -> dict[str, str]:
    """The commands of `distill` that train each task, in words."""
    from distill.tasks import glue
    from distill.tasks.table import MASKED_TEXT
    from distill.tasks.table import TASKS as TRAINED

    names: dict[str, list[str]] = {}
    for name, task in TRAINED.items():
        made_for = name if name in TASKS else tasks_of([task.kind.__name__])[0]
        shown = GLUE if name in glue.TASKS else name
        if shown not in names.setdefault(made_for, []):
            names[made_for].append(shown)
    words = {task: f"finetune --task {', '.join(found)}" for task, found in names.items()}
    counted = f"{len(glue.TASKS)} of GLUE"
    words = {task: text.replace(GLUE, counted) for task, text in words.items()}
    return {**words, MASKED_TEXT: "pretrain, adapt_mlm"}


def _word(supported: bool) -> str:
    return YES if supported else NO


def _together(cells: dict[str, tuple[str, ...]]) -> list[list[str]]:
    """A row for all names whose cells are the same."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, row in cells.items():
        alike.setdefault(row, []).append(name)
    return [[", ".join(names), *row] for row, names in alike.items()]


def one_name_a_row(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """A table with a row for each name, which a terminal has room for."""
    header, *lines = table
    return [list(header), *([name, *row] for names, *row in lines for name in names.split(", "))]


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
    options = command_parser("export.support", __doc__)
    add_json_options(options)
    arguments = options.parse_args(argv)
    tables = {
        "Model types by task": rows(),
        "Model types by stage": student_rows(),
        "Tasks by stage": task_rows(),
    }
    found = {title: by_heading(table) for title, table in tables.items()}
    show_result(arguments, found, lambda _: _print(tables))
    return 0


def by_heading(table: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    """A row for each name, its cells by the words of the heading."""
    header, *lines = one_name_a_row(table)
    return [dict(zip(header, line, strict=True)) for line in lines]


def _print(tables: dict[str, list[list[str]]]) -> None:
    if not sys.stdout.isatty():
        print("\n\n".join(map(markdown, tables.values())))
        return
    for title, table in tables.items():
        header, *lines = one_name_a_row(table)
        print_table(title, header, lines, [False] + [True] * (len(header) - 1))


if __name__ == "__main__":
    sys.exit(main())
