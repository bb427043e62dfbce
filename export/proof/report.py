"""The table that the export commands print."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from export.proof.no_answer import NoAnswer

MB = 1e6
PAST_TOLERANCE = 1
"""Exit status of a command whose package differs from PyTorch by more than it should."""


def print_report(report: dict[str, Any], app_mb: float) -> None:
    """Print what `export.proof.proven_bundle.export_bundle` reports; sizes in decimal MB."""
    size, whole = report["package_bytes"] / MB, report["float32_bytes"] / MB
    label = "  RANDOM WEIGHTS" if report["random_weights"] else ""
    table = Table(title=f"{report['bundle']}{label}", show_header=False, title_justify="left")
    table.add_row("model", f"{report['model']}, {report['task']}, {report['layout']} layout")
    table.add_row("parameters", f"{report['parameters'] / 1e6:.1f} M")
    table.add_row("weights", _bits(report))
    lengths = ", ".join(map(str, report["lengths"]))
    table.add_row("lengths", f"{lengths} ({report['shapes']}, {report['target']})")
    table.add_row(
        "package",
        f"{size:.1f} MB: {size / whole:.0%} of float32 ({whole:.1f} MB), "
        f"{size / app_mb:.0%} of the {app_mb:.0f} MB of the DistilBERT app",
    )
    if report.get("no_answer"):
        table.add_row("no answer", NoAnswer(**report["no_answer"]).sentence())
    frequent = list(report["operations"].items())[:8]
    table.add_row("operations", ", ".join(f"{count} {name}" for name, count in frequent))
    add_difference(table, report["difference"])
    for key, value in report.get("data", {}).items():
        if value is None:
            continue
        table.add_row(
            key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value)
        )
    table.add_row("time", f"{report['seconds']:.1f} s")
    Console().print(table)


def _bits(report: dict[str, Any]) -> str:
    if not report["calibration_inputs"]:
        weights = "float16" if report["quantize"] == "none" else report["quantize"]
        return f"{weights}, activations float16"
    return (
        f"int8, activations into matrix products int8 (ranges of {report['calibration_inputs']} "
        f"inputs of {report['calibrate']})"
    )


def add_difference(table: Table, difference: dict[str, Any]) -> None:
    """Rows for an `export.proof.gate.Proof` as JSON."""
    table.add_row(
        f"against {difference['witness']}",
        f"error {difference['error']:.2g}, bound {difference['bound']:.2g} (PyTorch itself is off "
        f"by {difference['pytorch_error']:.2g} at this precision); PSNR "
        f"{difference['psnr']:.1f} dB, max {difference['max_abs']:.2g} (run in the simulator)",
    )
    if difference["decisions"] is not None:
        table.add_row("same decisions", f"{difference['decisions']:.1%}")
    if difference["unread"]:
        table.add_row("stored, of no use here", ", ".join(difference["unread"]))
    table.add_row("verdict", difference["verdict"])
