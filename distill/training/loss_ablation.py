"""The rows of an ablation of the triple loss, their differences to the full loss, table and plot.

The paper's own ablation is its table 4 (arXiv 1910.01108): differences of the GLUE macro score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from distill.console.errors import UserError
from distill.console.pictures import png, write_png
from distill.console.tables import visible
from distill.training.settings import PretrainSettings, layer_choice

FULL = "full"
WIDTH, BAR = 6.4, 0.42


@dataclass(frozen=True)
class Row:
    """One student of the ablation.

    Attributes:
        changes: what of `PretrainSettings` differs from the full loss.
        paper: difference of the GLUE macro score that the paper found, in points.
    """

    name: str
    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    paper: float | None = None


ROWS = {
    row.name: row
    for row in (
        Row(FULL, "full loss"),
        Row("no-ce", "without L_ce", {"alpha_ce": 0.0}, -2.96),
        Row("no-cos", "without L_cos", {"alpha_cos": 0.0}, -1.46),
        Row("no-mlm", "without L_mlm", {"alpha_mlm": 0.0}, -0.31),
        Row("random", "random weights", {"choice": "random"}, -3.69),
        Row("temperature-1", "temperature 1", {"temperature": 1.0}),
        Row("temperature-2", "temperature 2", {"temperature": 2.0}),
        Row("temperature-4", "temperature 4", {"temperature": 4.0}),
        Row("layers-reference", "layers: reference", {"choice": "reference"}),
        Row("layers-even", "layers: even", {"choice": "even"}),
        Row("layers-first", "layers: first", {"choice": "first"}),
        Row("layers-last", "layers: last", {"choice": "last"}),
    )
}


def chosen_rows(
    names: Sequence[str], settings: PretrainSettings, teacher_layers: int
) -> tuple[Row, ...]:
    """The rows called ``names`` (all of them if none is named), the full loss first; without
    those that would train the same student as one before.

    Raises:
        UserError: no such row, or layers that the teacher has not.
    """
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise UserError(f"unknown row {unknown[0]!r}; choose from {', '.join(ROWS)}")
    rows: dict[Any, Row] = {}
    for name in (FULL, *(names or ROWS)):
        rows.setdefault(_student(ROWS[name], settings, teacher_layers), ROWS[name])
    return tuple(rows.values())


def _student(row: Row, settings: PretrainSettings, teacher_layers: int) -> Any:
    """What tells the student of a row from another's."""
    from distill.students.from_layers import choose_layers

    values = {
        name: row.changes.get(name, getattr(settings, name))
        for name in ("alpha_ce", "alpha_mlm", "alpha_cos", "temperature", "choice")
    }
    choice = layer_choice(str(values.pop("choice")))
    return *values.values(), choose_layers(choice, teacher_layers, settings.layers)


def compared(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Results with the ``mean`` of their scores, and its ``difference`` to the first, in points.

    Args:
        results: each with ``perplexity`` and ``scores`` by task; the full loss first.
    """
    rows: list[dict[str, Any]] = []
    for result in results:
        row = {**result, "mean": fmean(result["scores"].values()) if result["scores"] else None}
        full = rows[0] if rows else row
        difference = None if row["mean"] is None else row["mean"] - full["mean"]
        ratio = row["perplexity"] / full["perplexity"]
        rows.append({**row, "difference": difference, "perplexity_ratio": ratio})
    return rows


def show(report: Mapping[str, Any]) -> None:
    """Print the table: a row per student; perplexity on the held-out sequences, the change of the
    mean score, and that of the GLUE macro score in the paper."""
    from rich.console import Console
    from rich.table import Table

    tasks = report["tasks"]
    table = Table()
    table.add_column("student")
    columns = ["perplexity", *tasks, *(["mean", "change"] if tasks else [])]
    for name in (*columns, "paper"):
        table.add_column(name, justify="right")
    for row in report["rows"]:
        full = row["name"] == FULL
        cells = [f"{row['perplexity']:.2f}", *(f"{row['scores'][task]:.2f}" for task in tasks)]
        if tasks:
            cells += [f"{row['mean']:.2f}", "" if full else f"{row['difference']:+.2f}"]
        cells.append("" if row["paper"] is None else f"{row['paper']:+.2f}")
        table.add_row(row["label"], *cells)
    teacher = visible(report["teacher"])
    print(
        f"{report['layers']} layers from {teacher}: {report['steps']} steps each, "
        f"seed {report['seed']}"
        + (f"; scores: median of {report['seeds']} seeds" if report["seeds"] > 1 else "")
    )
    Console(markup=False).print(table)
    if tasks:
        print("scores in percent; change: of their mean, in points; paper: of the GLUE score")


def write_plot(report: Mapping[str, Any], path: Path) -> None:
    """Bars of the differences to the full loss, the paper's beside them: of the mean score, or of
    the held-out perplexity where no task was asked for."""
    from matplotlib.figure import Figure

    rows = [row for row in report["rows"] if row["name"] != FULL]
    scored = bool(report["tasks"])
    found = [row["difference"] if scored else 100 * (row["perplexity_ratio"] - 1) for row in rows]
    figure = Figure(figsize=(WIDTH, 1.2 + 2 * BAR * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh([i - BAR / 2 for i in places], found, BAR, label="measured", color="#20639b")
    known = [(i, row["paper"]) for i, row in enumerate(rows) if row["paper"] is not None]
    if scored and known:
        at, paper = zip(*known, strict=True)
        axes.barh([i + BAR / 2 for i in at], paper, BAR, label="paper, GLUE", color="#c8cdd3")
        axes.legend(frameon=False)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(list(places), [row["label"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"points of the mean of {', '.join(report['tasks'])} against the full loss"
        if scored
        else "% of the full loss's held-out perplexity (more is worse)"
    )
    write_png(png(figure), path)
