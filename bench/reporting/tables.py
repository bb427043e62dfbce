"""What `bench.compare` prints: tables of measured rows, ratios, and a phone's results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measuring.machine import BUSY
from bench.measuring.timing import ratio, ratio_by_round
from bench.reporting.device_results import DeviceRow
from bench.reporting.published import PUBLISHED

if TYPE_CHECKING:
    from rich.console import Console

Row = dict[str, Any]
FILE_WIDTH = 150
WHOLE = ("model", "runtime", "baseline / model")
"""Columns that are never broken: numbers give way to names."""


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


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


ROWS = (
    Column("model", "model", number=False),
    Column("params", "parameters", lambda value: f"{value / 1e6:.1f} M"),
    Column("runtime", "runtime", number=False),
    Column("workload", "workload", number=False),
    Column("inputs", "inputs"),
    Column("median ms", "median_ms", _milliseconds),
    Column("p90", "p90_ms", _milliseconds),
    Column("p99", "p99_ms", _milliseconds),
    Column("pass s", "pass_s", lambda value: f"{value:.2f}"),
    Column("tokenize ms", "tokenization_ms", lambda value: f"{value:.2f}"),
    Column("size MB", "size_mb", lambda value: f"{value:.0f}"),
    Column("peak MB", "memory_mb", lambda value: f"{value:.0f}"),
)
RATIOS = (
    Column("baseline / model", "models", number=False),
    Column("runtime", "runtimes", number=False),
    Column("workload", "workload", number=False),
    Column("ratio", "ratio", lambda value: f"{value:.2f}"),
    Column("95% interval", "interval", number=False),
)
DEVICE = (
    Column("model", "model", number=False),
    Column("device", "device", number=False),
    Column("system", "os", number=False),
    Column("compute unit", "compute_unit", number=False),
    Column("length", "length"),
    Column("median ms", "median_ms", _milliseconds),
    Column("p90", "p90_ms", _milliseconds),
    Column("p99", "p99_ms", _milliseconds),
    Column("load ms", "load_ms", _milliseconds),
    Column("on Neural Engine", "neural_engine"),
    Column("app MB", "memory_mb", lambda value: f"{value:.0f}"),
    Column("thermal", "thermal", number=False),
)


def device_rows(rows: Sequence[DeviceRow]) -> list[Row]:
    """A phone's rows with their median and percentiles in ms in the place of single times."""
    result = []
    for row in rows:
        entries = asdict(row)
        times = entries.pop("milliseconds")
        del entries["rounds"]
        for name, q in (("median_ms", 50), ("p90_ms", 90), ("p99_ms", 99)):
            entries[name] = float(np.percentile(times, q))
        result.append({**entries, "inferences": len(times)})
    return result


def device_ratios(rows: Sequence[DeviceRow]) -> list[Row]:
    """Each model against the first on the same device, compute unit and length.

    Times taken in turns are compared round by round; a file of version 1 has no rounds, its times
    are not paired.
    """
    first: dict[tuple[str, str, int], DeviceRow] = {}
    result = []
    for row in rows:
        baseline = first.setdefault(row.place, row)
        if baseline is row:
            continue
        value, low, high = _device_ratio(baseline, row)
        runtime, workload = f"{row.device} {row.compute_unit}", f"fixed:{row.length}"
        result.append(
            {
                "baseline": baseline.model,
                "model": row.model + (" (control)" if row.control else ""),
                "runtime": runtime,
                "workload": workload,
                "ratio": value,
                "low": low,
                "high": high,
                "baseline_runtime": runtime,
                "baseline_workload": workload,
            }
        )
    return result


def _device_ratio(
    baseline: DeviceRow, other: DeviceRow
) -> tuple[float, float | None, float | None]:
    times = np.array(baseline.milliseconds), np.array(other.milliseconds)
    if baseline.rounds is None or other.rounds is None:
        return ratio(*times, paired=False)
    return ratio_by_round(*times, np.array(baseline.rounds), np.array(other.rounds))


def tables(result: dict[str, Any], published: bool = False) -> list[Table]:
    """All tables that have rows; published figures in one of their own, and only if asked for."""
    found = [
        _table("Latency in ms, batch size 1, tokenization excluded", ROWS, result["rows"], _cells),
        _table(
            "Ratio of times: baseline / model (above 1: the model is faster)",
            RATIOS,
            result["ratios"],
            _ratio_cells,
        ),
        _table("Measured on a phone", DEVICE, result.get("device", []), _device_cells),
    ]
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
    title: str, columns: Sequence[Column], rows: Sequence[Row], cells: Callable[[Row], Row]
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
    said = ", ".join(f"{table.header[place]} {columns[place][0]}" for place in constant)
    kept = [place for place in range(len(columns)) if place not in constant]
    return Table(
        f"{table.title}\n{said}",
        [table.header[place] for place in kept],
        [[row[place] for place in kept] for row in table.rows],
        [table.numbers[place] for place in kept],
    )


def _cells(row: Row) -> Row:
    label = " (random weights)" if row["random_weights"] else ""
    several = row["inputs"] > 1
    of = row["inputs_without_limit"]
    return {
        **row,
        "model": row["model"] + label,
        "inputs": (f"{row['inputs']} of {of}" if of > row["inputs"] else of) if several else None,
        "pass_s": row["pass_s"] if several else None,
    }


def _ratio_cells(row: Row) -> Row:
    same = row["baseline_runtime"] == row["runtime"]
    workload = row["workload"]
    if row["baseline_workload"] != workload:
        workload = f"{row['baseline_workload']} / {workload}"
    return {
        **row,
        "models": f"{row['baseline']} / {row['model']}",
        "runtimes": row["runtime"] if same else f"{row['baseline_runtime']} / {row['runtime']}",
        "workload": workload,
        "interval": None if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}",
    }


def _device_cells(row: Row) -> Row:
    before, after = row["thermal_state_before"], row["thermal_state"]
    label = " (random weights)" if row["random_weights"] else ""
    control = " (control)" if row.get("control") else ""
    plan = row.get("compute_plan")
    return {
        **row,
        "model": row["model"] + control + label,
        "neural_engine": None if plan is None else f"{plan['neural_engine']['cost']:.0%}",
        "memory_mb": row["memory_bytes"] / 1e6,
        "thermal": after if before == after else f"{before} to {after}",
    }


def notes(result: dict[str, Any]) -> list[str]:
    """What a reader of the tables must know: what is missing, and on what they were measured."""
    machine = result["machine"]
    lines = [f"left out: {line}" for line in result["left_out"]]
    if result["interrupted"] or result["error"]:
        end = result["error"] or "interrupted"
        lines.append(f"{end}: the tables hold what was measured until then")
    if machine["load"] > BUSY * machine["cores"]:
        lines.append(
            f"the machine was busy before the start (load {machine['load']}): trust the ratios "
            "more than the times"
        )
    return [*lines, machine_line(machine)]


def machine_line(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    flags = " ".join(machine["flags"]) or "no vector flags known"
    return (
        f"{machine['cpu']}, {machine['threads']} of {machine['cores']} cores, {flags}, "
        f"{machine['memory_gb']} GB; {versions}"
    )


def print_tables(result: dict[str, Any], published: bool) -> None:
    from rich import box
    from rich import table as rich_table

    console = wide_console()
    for whole in tables(result, published):
        table = without_constants(whole)
        shown = rich_table.Table(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
        for title, number in zip(table.header, table.numbers, strict=True):
            shown.add_column(title, justify="right" if number else "left", no_wrap=title in WHOLE)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    for line in notes(result):
        console.print(line)


def wide_console() -> Console:
    """A terminal as wide as it is; a file or pipe as wide as the tables. Text is printed as it is:
    brackets in a model's name are no markup."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else FILE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)
