"""The table of what was measured while the format of each weight was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table

from distill.console.tables import plain, visible
from distill.tasks.metric_words import metric_title, title_and_unit, value_words

if TYPE_CHECKING:
    from export.proof.chosen_bits import Chosen


def print_choosing(chosen: Chosen) -> None:
    """Print the curve of size against quality, sizes in decimal MB, and each weight's format."""
    measures = list(chosen.measures)
    heading = (
        f"size against quality on {chosen.examples} examples; budget {chosen.budget.words}, "
        f"chosen: {_measured(chosen.measures)} in the simulator"
    )
    table = Table(title=plain(heading), title_justify="left")
    for name in ("MB", *measures, "weights"):
        justify: Literal["left", "right"] = "left" if name == "weights" else "right"
        shown = title_and_unit(name) if name in measures else name
        table.add_column(plain(shown), justify=justify)
    for point in chosen.curve:
        counts = chosen.counted(point).items()
        table.add_row(
            f"{point.package_bytes / 1e6:.1f}",
            *(f"{point.measures[name]:.2f}" for name in measures),
            ", ".join(f"{count} {_stored(quantize)}" for quantize, count in counts),
            style="bold" if chosen.took(point) else None,
        )
    console = Console(markup=False)
    console.print(table)
    by_format: dict[str, list[str]] = {}
    for weight, quantize in chosen.formats.items():
        by_format.setdefault(quantize, []).append(weight.removesuffix(".weight"))
    for quantize, weights in by_format.items():
        console.print(f"{_stored(quantize)}: {visible(', '.join(weights))}", highlight=False)


def _stored(quantize: str) -> str:
    return "float16" if quantize == "none" else quantize


def _measured(measures: Mapping[str, float]) -> str:
    return ", ".join(
        f"{metric_title(name)} {value_words(name, value)}" for name, value in measures.items()
    )
