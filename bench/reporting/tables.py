"""What `bench.compare` prints: tables of measured rows, ratios, and a phone's results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bench.measuring.machine import BUSY
from bench.measuring.quality import Quality
from bench.measuring.results import Ratio, Row
from bench.reporting.comparison import Comparison
from bench.reporting.device_results import DeviceRow
from bench.reporting.published import PUBLISHED
from distill.console.tables import one_line, plain, print_table, wide_console
from distill.tasks.metric_words import (
    difference_words,
    metric_title,
    value_words,
    with_interval,
)

Cells = dict[str, Any]
"""What a row of a table shows, by the key of its column."""
T = TypeVar("T")
ABOVE_ONE = "Ratio of times: baseline / model (above 1: the model is faster)"


@dataclass(frozen=True)
class Column:
    """A title and how a row's cell is written; a column is shown where any row has it."""

    title: str
    key: str
    write: Callable[[Any], str] = str
    number: bool = True


@dataclass(frozen=True)
class Table:
    """Text cells; ``numbers`` are the columns to align right."""

    title: str
    header: list[str]
    rows: list[list[str]]
    numbers: list[bool]


def _megabytes(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


ROWS = (
    Column("model", "model", number=False),
    Column("params", "parameters", lambda value: f"{value / 1e6:.1f} M"),
    Column("runtime", "runtime", number=False),
    Column("workload", "workload", number=False),
    Column("inputs", "inputs"),
    Column("median ms", "median_ms", _milliseconds),
    Column("p90 ms", "p90_ms", _milliseconds),
    Column("p99 ms", "p99_ms", _milliseconds),
    Column("pass s", "pass_s", lambda value: f"{value:.2f}"),
    Column("tokenize ms", "tokenization_ms", lambda value: f"{value:.2f}"),
    Column("size MB", "size_mb", _megabytes),
    Column("peak MB", "memory_mb", lambda value: f"{value:.0f}"),
)
RATIOS = (
    Column("baseline / model", "models", number=False),
    Column("runtime", "runtimes", number=False),
    Column("workload", "workload", number=False),
    Column("ratio", "ratio", lambda value: f"{value:.2f}"),
    Column("95% interval", "interval", number=False),
)
QUALITY = (
    Column("model", "model", number=False),
    Column("quality", "quality", number=False),
    Column("against the first", "difference", number=False),
)
DEVICE = (
    Column("model", "model", number=False),
    Column("device", "device", number=False),
    Column("system", "os", number=False),
    Column("framework", "framework", number=False),
    Column("compute unit", "compute_unit", number=False),
    Column("length", "length"),
    Column("median ms", "median_ms", _milliseconds),
    Column("p90 ms", "p90_ms", _milliseconds),
    Column("p99 ms", "p99_ms", _milliseconds),
    Column("load ms", "load_ms", _milliseconds),
    Column("on Neural Engine", "neural_engine"),
    Column("slowdown", "slowdown", lambda value: f"{value:.2f}"),
    Column("app MB", "memory_mb", lambda value: f"{value:.0f}"),
    Column("thermal", "thermal", number=False),
)


def tables(result: Comparison, published: bool = False) -> list[Table]:
    """All tables that have rows; published figures in one of their own, and only if asked for."""
    found = [
        _table(
            "Latency in ms, batch size 1, tokenization excluded", ROWS, result.measured.rows, _cells
        ),
        _table(
            ABOVE_ONE,
            RATIOS,
            result.ratios,
            _ratio_cells,
        ),
        _table("Measured on a phone", DEVICE, result.device, _device_cells),
    ]
    if result.quality:
        examples = result.quality[0].examples
        found.append(
            _table(f"Quality on {examples:,} examples", QUALITY, result.quality, _quality_cells)
        )
    if published:
        rows = [[figure.what, figure.figure, figure.source] for figure in PUBLISHED]
        found.append(
            Table(
                "Published by others, not measured here",
                ["what", "figure", "source"],
                rows,
                [False] * 3,
            )
        )
    return [table for table in found if table.rows]


def _table(
    title: str, columns: Sequence[Column], rows: Sequence[T], cells: Callable[[T], Cells]
) -> Table:
    values = [cells(row) for row in rows]
    shown = [c for c in columns if any(value.get(c.key) is not None for value in values)]
    written = [
        ["-" if value.get(c.key) is None else c.write(value[c.key]) for c in shown]
        for value in values
    ]
    return Table(title, [c.title for c in shown], written, [c.number for c in shown])


def without_constants(table: Table) -> Table:
    """The columns of text that say the same in every row go into the title, for narrow screens; the
    first column stays."""
    columns = list(zip(*table.rows, strict=True))
    constant = [
        place
        for place, cells in enumerate(columns)
        if place and not table.numbers[place] and len(cells) > 1 and len(set(cells)) == 1
    ]
    if not constant:
        return table
    said = ", ".join(one_line(f"{table.header[at]} {columns[at][0]}") for at in constant)
    kept = [place for place in range(len(columns)) if place not in constant]
    return Table(
        f"{table.title}\n{said}",
        [table.header[place] for place in kept],
        [[row[place] for place in kept] for row in table.rows],
        [table.numbers[place] for place in kept],
    )


def _cells(row: Row) -> Cells:
    label = " (random weights)" if row.random_weights else ""
    several, of = row.inputs > 1, row.inputs_without_limit
    return {
        **row.as_json(),
        "model": row.model + label,
        "inputs": (f"{row.inputs} of {of}" if of > row.inputs else of) if several else None,
        "pass_s": row.pass_s if several else None,
    }


def _ratio_cells(ratio: Ratio) -> Cells:
    return {
        "models": ratio.models,
        "runtimes": ratio.runtimes,
        "workload": ratio.workloads,
        "ratio": ratio.ratio,
        "interval": ratio.interval,
    }


def _quality_cells(one: Quality) -> Cells:
    """Values and differences in words, each with its 95% interval."""
    value = f"{metric_title(one.metric)} {value_words(one.metric, one.value)}"
    difference = None
    if one.difference is not None:
        words = difference_words(one.metric, one.difference)
        difference = with_interval(words, one.difference_interval, signed=True)
    return {
        "model": one.model,
        "quality": with_interval(value, one.interval),
        "difference": difference,
    }


def _device_cells(row: DeviceRow) -> Cells:
    before, after, plan = row.thermal_state_before, row.thermal_state, row.compute_plan
    label = " (random weights)" if row.random_weights else ""
    control = " (control)" if row.control else ""
    return {
        **row.as_json(),
        "model": row.model + control + label,
        "neural_engine": None if plan is None else f"{plan['neural_engine']['cost']:.0%}",
        "slowdown": row.slowdown,
        "memory_mb": row.memory_bytes / 1e6,
        "thermal": after if before == after else f"{before} to {after}",
    }


def notes(result: Comparison) -> list[str]:
    """What a reader of the tables must know: what is missing, and on what they were measured."""
    measured, machine = result.measured, result.measured.machine
    lines = [f"left out: {line}" for line in measured.left_out]
    if measured.interrupted or measured.error:
        end = measured.error or "interrupted"
        lines.append(f"{end}: the tables hold what was measured until then")
    if machine.load > BUSY * machine.cores:
        lines.append(
            f"the machine was busy before the start (load {machine.load}): trust the ratios "
            "more than the times"
        )
    return [*lines, machine.line()]


def print_tables(result: Comparison, published: bool) -> None:
    """Print the tables and what a reader must know of them; ``published`` adds others' figures."""
    for whole in tables(result, published):
        table = without_constants(whole)
        print_table(table.title, table.header, table.rows, table.numbers)
    for line in notes(result):
        wide_console().print(plain(one_line(line)))
