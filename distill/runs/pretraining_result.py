"""The result of a pre-training in words, for the terminal; `metrics.json` has all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.console.tables import Pair, print_pairs
from distill.runs.run_folder import where_the_model_is

NEXT = "distill.finetune --task TASK --model {} --out DIR"


def show(report: Mapping[str, Any], folder: Path) -> None:
    """Print the report of `distill.training.pretraining_run.pretrain`, and where the model is."""
    print_pairs("", _rows(report))
    print(where_the_model_is(folder, NEXT))


def _rows(report: Mapping[str, Any]) -> Iterator[Pair]:
    student, corpus = report["student"], report["corpus"]
    yield "student", f"{student['layers']} layers, {student['parameters'] / 1e6:.1f} M parameters"
    yield "corpus", f"{corpus['sequences']:,} sequences, {corpus['tokens']:,} tokens"
    early = ", stopped early" if report["stopped_early"] else ""
    since = f", resumed from {report['resumed_from']}" if report["resumed_from"] else ""
    yield "steps", f"{report['steps']:,}{early}{since}"
    yield "tokens seen", f"{report['tokens_seen']:,}"
    yield "time", f"{report['seconds']:.0f} s, {report['tokens_per_second']:,.0f} tokens/s"
    yield "training loss", f"{report['train_loss']:.4f}"
    for phase, found in (("head alone", report.get("frozen")), ("", report["evaluation"])):
        for name, value in (found or {}).items():
            yield f"held out {phase}: {name}".replace(" :", ":"), f"{value:.4f}"
    if best := report.get("best"):
        yield "kept", f"step {best['step']:,}, the best of {best['evaluations']} evaluations"
