"""The pages of `export.verify --html` and `export.lint --html`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from distill.console import html_page
from distill.console.html_page import Bar
from export.proof.gate import Proof
from export.proof.two_bundles import BundleComparison
from export.proof.verification import Verification
from export.simulator.lint import Finding
from export.simulator.lint.command import verdict

Report = Verification | BundleComparison


def write_verification(path: Path, title: str, reports: Mapping[str, Report]) -> None:
    """Write what was found, by engine; of two bundles the one engine has no name."""
    parts: list[str] = []
    for engine, report in reports.items():
        parts += [html_page.heading(engine)] if engine else []
        parts += [html_page.paragraph(report.verdict, "verdict"), html_page.pairs(report.rows())]
        if isinstance(report, Verification):
            parts += _errors(report.proof)
    html_page.write_page(path, title, parts)


def _errors(proof: Proof) -> list[str]:
    """The error of the package and that of PyTorch itself, as shares of the bound."""
    if not proof.bound > 0 or proof.overflow:
        return []
    measured = {
        "the package": proof.error,
        "PyTorch itself at this precision": proof.pytorch_error,
    }
    title = "Error as a share of the bound (1: the bound)"
    bars = [
        Bar(name, error / proof.bound, f"{error / proof.bound:.2f} ({error:.2g})")
        for name, error in measured.items()
    ]
    return [html_page.heading(title), html_page.bar_chart(bars, title)]


def write_lint(path: Path, package: Path, findings: Sequence[Finding]) -> None:
    """Write each rule that fired with all its places: those that functions share stand once."""
    same: dict[tuple[int, tuple[str, ...]], list[Finding]] = {}
    for finding in findings:
        same.setdefault((finding.number, finding.places), []).append(finding)
    parts = [html_page.paragraph(verdict(package, findings), "verdict")]
    for (_, places), alike in same.items():
        finding = alike[0]
        rows = [
            ("remedy", finding.remedy),
            ("report", finding.report),
            ("in", ", ".join(each.function for each in alike)),
            (f"places: {len(places)}", ", ".join(places)),
        ]
        title = f"{finding.weight} {finding.number}: {finding.sentence}"
        parts += [html_page.heading(title), html_page.pairs(rows)]
    html_page.write_page(path, f"Known hazards of {package}", parts)
