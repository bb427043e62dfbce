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
    """Write each finding with all its places."""
    errors = sum(finding.weight == "error" for finding in findings)
    cautions = len(findings) - errors
    counts = f"errors: {errors}, cautions: {cautions}"
    verdict = f"Known hazards found; {counts}." if findings else "Nothing found."
    parts = [html_page.paragraph(verdict, "verdict")]
    for finding in findings:
        rows = [
            ("where", f"{', '.join(finding.places)} (in {finding.function})"),
            ("remedy", finding.remedy),
            ("report", finding.report),
        ]
        title = f"{finding.weight} {finding.number}: {finding.sentence}"
        parts += [html_page.heading(title), html_page.pairs(rows)]
    html_page.write_page(path, f"Known hazards of {package}", parts)
