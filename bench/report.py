"""What `bench.compare` prints and writes: tables, JSON, a plot, one page of HTML."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.device import DeviceRow
from bench.published import PUBLISHED
from bench.timing import Times, ratio
from distill.atomic import atomic_file

ROW_COLUMNS = (
    ("model", "model"),
    ("runtime", "runtime"),
    ("workload", "workload"),
    ("parameters", "params"),
    ("median_ms", "median ms"),
    ("p90_ms", "p90"),
    ("p99_ms", "p99"),
    ("pass_s", "pass s"),
    ("tokenization_ms", "tokenize ms"),
    ("memory_mb", "peak MB"),
)


def device_rows(rows: Sequence[DeviceRow]) -> list[dict[str, Any]]:
    """A phone's rows with their median and percentiles in ms."""
    return [
        {
            **{k: v for k, v in asdict(row).items() if k != "milliseconds"},
            "runs": len(row.milliseconds),
            **{
                f"{name}_ms": float(np.percentile(row.milliseconds, q))
                for name, q in (("median", 50), ("p90", 90))
            },
        }
        for row in rows
    ]


def device_ratios(rows: Sequence[DeviceRow]) -> list[dict[str, Any]]:
    """Each model against the first on the same device, compute unit and length."""
    ratios = []
    for row in rows:
        key = (row.device, row.compute_unit, row.length)
        first = next(r for r in rows if (r.device, r.compute_unit, r.length) == key)
        count = min(len(first.milliseconds), len(row.milliseconds))
        if row.model == first.model:
            continue
        pair = (Times((), r.milliseconds[:count]) for r in (first, row))
        value, low, high = ratio(*pair)
        ratios.append(
            {
                "baseline": first.model,
                "model": row.model,
                "runtime": f"{row.device} {row.compute_unit}",
                "workload": f"fixed:{row.length}",
                "ratio": value,
                "low": low,
                "high": high,
            }
        )
    return ratios


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """(title, header, rows of text) of every table that has rows."""
    columns = [c for c in ROW_COLUMNS if any(row.get(c[0]) is not None for row in result["rows"])]
    rows = [[_text(row, key) for key, _ in columns] for row in result["rows"]]
    ratios = [
        [
            f"{r['baseline']} / {r['model']}",
            r["runtime"],
            r["workload"],
            f"{r['ratio']:.2f}",
            f"{r['low']:.2f} to {r['high']:.2f}",
        ]
        for r in result["ratios"]
    ]
    phone = [
        [
            *(str(r[key]) for key in ("model", "device", "os", "compute_unit", "length")),
            *(f"{r[key]:.2f}" for key in ("median_ms", "p90_ms")),
            r["thermal_state"],
        ]
        for r in result.get("device", [])
    ]
    found = [
        ("Latency, batch size 1", [title for _, title in columns], rows),
        ("Ratio of times", ["models", "runtime", "workload", "ratio", "95%"], ratios),
        (
            "Phone",
            ["model", "device", "os", "compute unit", "length", "median ms", "p90", "thermal"],
            phone,
        ),
    ]
    return [table for table in found if table[2]]


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        return "-"
    if key == "parameters":
        return f"{value / 1e6:.1f} M"
    if key == "model" and row["random_weights"]:
        return f"{value} (random weights)"
    if key == "memory_mb":
        return f"{value:.0f}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def machine_line(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    flags = " ".join(machine["flags"]) or "no vector flags known"
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads, {flags}; "
        f"{versions}"
    )


def print_tables(result: dict[str, Any], published: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, header, rows in tables(result):
        table = Table(*header, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in result["left_out"]:
        console.print(f"left out: {line}", highlight=False)
    console.print(machine_line(result["machine"]), highlight=False)
    if published:
        table = Table("what", "published", "source", title="Published by others, not measured here")
        for row in PUBLISHED:
            table.add_row(*row)
        console.print(table)


def write_json(result: dict[str, Any], path: Path) -> None:
    with atomic_file(path) as staged:
        staged.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def plot_png(result: dict[str, Any]) -> bytes:
    """Parameters against median latency, a marker for each runtime and workload."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    rows = [row for row in result["rows"] if row["parameters"]]
    for runtime in dict.fromkeys((row["runtime"], row["workload"]) for row in rows):
        chosen = [row for row in rows if (row["runtime"], row["workload"]) == runtime]
        axes.plot(
            [row["parameters"] / 1e6 for row in chosen],
            [row["median_ms"] for row in chosen],
            "o-",
            label=" ".join(runtime),
        )
        for row in chosen:
            axes.annotate(row["model"], (row["parameters"] / 1e6, row["median_ms"]), fontsize=8)
    axes.set_xlabel("parameters (millions)")
    axes.set_ylabel("median latency (ms)")
    axes.set_ylim(bottom=0)
    if rows:
        axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def write_plot(result: dict[str, Any], path: Path) -> None:
    with atomic_file(path) as staged:
        staged.write_bytes(plot_png(result))


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: CanvasText; background: Canvas; color-scheme: light dark; }
table { border-collapse: collapse; margin: 1rem 0 2rem; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8886; }
td { font-variant-numeric: tabular-nums; }
img { max-width: 100%; background: #fff; }
"""


def write_html(result: dict[str, Any], path: Path) -> None:
    """One page that needs nothing else: the plot is inside it."""
    parts = ["<h1>Latency of neural inference</h1>", "<p>Tokenization excluded.</p>"]
    for title, header, rows in tables(result):
        cells = "".join(f"<th>{html.escape(name)}</th>" for name in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        parts.append(f"<h2>{html.escape(title)}</h2><table><tr>{cells}</tr>{body}</table>")
    image = base64.b64encode(plot_png(result)).decode()
    parts.append(f'<img alt="parameters against latency" src="data:image/png;base64,{image}">')
    parts.append(f"<p>{html.escape(machine_line(result['machine']))}</p>")
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Latency</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )
    with atomic_file(path) as staged:
        staged.write_text(page, encoding="utf-8")
