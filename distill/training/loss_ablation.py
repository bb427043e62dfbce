"""The rows of an ablation of the triple loss, their differences to the full loss, table and plot.

The paper's own ablation is its table 4 (arXiv 1910.01108): differences of the GLUE macro score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from distill.console.errors import UserError
from distill.console.pictures import png, write_png
from distill.console.tables import one_line, plain, say
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
        UserError: no such row, or layers that the teacher does not have.
    """
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise UserError(f"unknown row {unknown[0]!r}; choose from {', '.join(ROWS)}")
    rows: dict[tuple[object, ...], Row] = {}
    for name in (FULL, *(names or ROWS)):
        rows.setdefault(_student(ROWS[name], settings, teacher_layers), ROWS[name])
    return tuple(rows.values())


def _student(row: Row, settings: PretrainSettings, teacher_layers: int) -> tuple[object, ...]:
    """What tells the student of a row from another's."""
    from distill.students.from_layers import choose_layers

    values = {
        name: row.changes.get(name, getattr(settings, name))
        for name in ("alpha_ce", "alpha_mlm", "alpha_cos", "temperature", "choice")
    }
    choice = layer_choice(str(values.pop("choice")))
    return *values.values(), choose_layers(choice, teacher_layers, settings.layers)


@dataclass(frozen=True, kw_only=True)
class TrainedRow:
    """A student of the ablation, trained: its perplexity on the held-out sequences, the main metric
    of each task it was fine-tuned on, and how long its pre-training was."""

    row: Row
    perplexity: float
    scores: Mapping[str, float]
    steps: int
    tokens_seen: int
    seconds: float

    @property
    def mean(self) -> float | None:
        """The mean of the scores; None where no task was asked for."""
        return fmean(self.scores.values()) if self.scores else None


@dataclass(frozen=True)
class ComparedRow:
    """A trained row beside that of the full loss: the ``difference`` of the means in points, and
    perplexity as a multiple of the full loss's."""

    trained: TrainedRow
    difference: float | None
    perplexity_ratio: float

    def as_json(self) -> dict[str, object]:
        trained, row = self.trained, self.trained.row
        return {
            "name": row.name,
            "label": row.label,
            "changes": dict(row.changes),
            "paper": row.paper,
            "perplexity": trained.perplexity,
            "scores": dict(trained.scores),
            "steps": trained.steps,
            "tokens_seen": trained.tokens_seen,
            "seconds": trained.seconds,
            "mean": trained.mean,
            "difference": self.difference,
            "perplexity_ratio": self.perplexity_ratio,
        }


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """An ablation, as far as it has come: what its students have in common, and a row for each,
    that of the full loss first."""

    teacher: str
    layers: int
    steps: int
    tasks: Sequence[str]
    seed: int
    seeds: int
    rows: Sequence[ComparedRow]
    machine: Mapping[str, Any]

    def as_json(self) -> dict[str, object]:
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return own | {"tasks": list(self.tasks), "rows": [row.as_json() for row in self.rows]}


def compared(rows: Sequence[TrainedRow]) -> list[ComparedRow]:
    """Each row beside the first, which is the full loss."""
    full = rows[0]

    def difference(row: TrainedRow) -> float | None:
        return None if row.mean is None or full.mean is None else row.mean - full.mean

    return [ComparedRow(row, difference(row), row.perplexity / full.perplexity) for row in rows]


def show(ablation: Ablation) -> None:
    """Print the table: a row per student; perplexity on the held-out sequences, the change of the
    mean score, and that of the GLUE macro score in the paper."""
    from rich.console import Console
    from rich.table import Table

    tasks = ablation.tasks
    table = Table()
    table.add_column("student")
    columns = ["perplexity", *tasks, *(["mean", "change"] if tasks else [])]
    for name in (*columns, "paper"):
        table.add_column(name, justify="right")
    for compared_row in ablation.rows:
        trained, row = compared_row.trained, compared_row.trained.row
        cells = [f"{trained.perplexity:,.1f}", *(f"{trained.scores[task]:.2f}" for task in tasks)]
        if tasks:
            change = "" if row.name == FULL else f"{compared_row.difference:+.2f}"
            cells += [f"{trained.mean:.2f}", change]
        cells.append("" if row.paper is None else f"{row.paper:+.2f}")
        table.add_row(plain(one_line(row.label)), *cells)
    teacher = one_line(ablation.teacher)
    say(
        f"{ablation.layers} layers from {teacher}: {ablation.steps} steps each, "
        f"seed {ablation.seed}"
        + (f"; scores: median of {ablation.seeds} seeds" if ablation.seeds > 1 else "")
    )
    Console(markup=False).print(table)
    scores = "scores in percent; change: of their mean, in points; " if tasks else ""
    say(f"{scores}paper: change of the GLUE score in its table 4, in points")


def write_plot(ablation: Ablation, path: Path) -> None:
    """Bars of the differences to the full loss, the paper's beside them: of the mean score, or of
    the held-out perplexity where no task was asked for."""
    from matplotlib.figure import Figure

    compared_rows = [each for each in ablation.rows if each.trained.row.name != FULL]
    rows = [each.trained.row for each in compared_rows]
    scored = bool(ablation.tasks)
    bars = [
        (each.difference or 0.0) if scored else 100 * (each.perplexity_ratio - 1)
        for each in compared_rows
    ]
    figure = Figure(figsize=(WIDTH, 1.2 + 2 * BAR * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh([i - BAR / 2 for i in places], bars, BAR, label="measured", color="#20639b")
    known = [(i, row.paper) for i, row in enumerate(rows) if row.paper is not None]
    if scored and known:
        at, paper = zip(*known, strict=True)
        axes.barh([i + BAR / 2 for i in at], paper, BAR, label="paper, GLUE", color="#c8cdd3")
        axes.legend(frameon=False)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(list(places), [row.label for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"points of the mean of {', '.join(ablation.tasks)} against the full loss"
        if scored
        else "% of the full loss's held-out perplexity (more is worse)"
    )
    write_png(png(figure), path)
