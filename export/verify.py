"""Compare a package with the library of its model.

Both run on the same text, and the command says whether the package is within tolerance; or two
packages are compared with each other.

Example:

    python -m export.verify minilm-int8 --against minilm --data STS-B/dev.tsv
    python -m export.verify minilm-int8 minilm-lut4 --data STS-B/dev.tsv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command, note
from distill.console.tables import print_pairs, say
from distill.models.presets import PRESETS
from export.proof.engines import ENGINES, HALF_PRECISION_INPUTS, engines_of

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.proof.two_bundles import BundleComparison
    from export.proof.verification import Verification


@dataclass(frozen=True)
class EngineReports:
    """What was found by every engine that runs the bundle here."""

    reports: dict[str, Verification]

    @property
    def passed(self) -> bool:
        """Whether every engine's outputs are within tolerance."""
        return all(report.passed for report in self.reports.values())

    def as_json(self) -> dict[str, object]:
        each = {engine: report.as_json() for engine, report in self.reports.items()}
        return {"passed": self.passed, **each}


Report: TypeAlias = "Verification | BundleComparison | EngineReports"


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    from export.tasks.table import TASKS

    formats = "; ".join(f"{name}: {task.data}" for name, task in TASKS.items())
    result = command_parser("export.verify", __doc__)
    add = result.add_argument
    add("package", type=Path, help="bundle directory, or the .mlpackage inside it")
    add("other", type=Path, nargs="?", help="a second bundle, to compare the two on the same data")
    add("--against", help="the checkpoint; default: the folder or preset that the bundle names")
    add("--data", type=Path, help=f"default: own samples. {formats}")
    add("--limit", type=int, help="number of examples of --data at most")
    add(
        "--engine",
        choices=ENGINES,
        help="coreml: on a Mac; coreai: Apple's runtime; default: one for each format",
    )
    add(
        "--precision",
        choices=("float16", "float32"),
        help="of the simulator; default: float16, as a phone computes",
    )
    add("--tolerance", type=float, metavar="DB", help="least PSNR in dB, in place of the bound")
    add_json_options(result)
    add("--html", type=Path, metavar="FILE", help="write the report as one page")
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from export.bundle.bundle_folder import open_bundle
    from export.checkpoint.reading import load_checkpoint
    from export.proof.two_bundles import compare_bundles
    from export.proof.verification import verify_bundle
    from export.simulator.memory_limit import limit_memory

    limit_memory()

    bundle = open_bundle(arguments.package)
    if arguments.other is not None:
        if arguments.against is not None:
            raise UserError("--against is for one bundle; of two the second is the other side")
        if arguments.tolerance is not None:
            raise UserError("--tolerance is for one bundle; two may differ as they like")
        comparison = compare_bundles(
            bundle,
            open_bundle(arguments.other),
            arguments.data,
            arguments.limit,
            engine=arguments.engine,
            precision=arguments.precision,
        )
        return _show(comparison, f"{arguments.package} and {arguments.other}", arguments)
    against = arguments.against or source_of(bundle)
    reports = {}
    engines = {arguments.engine: arguments.limit} if arguments.engine else None
    engines = engines or _engines_here(bundle, arguments.data, arguments.limit)
    for engine, limit in engines.items():
        precise = len(engines) == 1 or ENGINES[engine].takes_precision
        reports[engine] = verify_bundle(
            arguments.package,
            load_checkpoint(against),
            arguments.data,
            limit,
            engine=engine,
            precision=arguments.precision if precise else None,
            tolerance=arguments.tolerance,
        )
    title = f"{arguments.package} against {against}"
    if len(reports) == 1:
        return _show(next(iter(reports.values())), title, arguments)
    return _show(EngineReports(reports), title, arguments)


def _engines_here(bundle: Bundle, data: Path | None, limit: int | None) -> dict[str, int | None]:
    """An engine for each format of a bundle, with the number of examples of ``data`` that it runs;
    what is left out is said on stderr."""
    engines: dict[str, int | None] = dict.fromkeys(engines_of(bundle), limit)
    if len(engines) < 2 or "coreai" not in engines:
        return engines
    half = bundle.settings["formats"]["coreai"].get("precision") == "float16"
    slow, few = "half precision takes seconds an input", HALF_PRECISION_INPUTS
    if find_spec("coreai") is None:
        note("coreai: not run: Apple's packages are not installed (the extra coreai)")
        del engines["coreai"]
    elif half and data is None:
        note(f"coreai: not run: {slow}; --data FILE runs {few} examples")
        del engines["coreai"]
    elif half:
        engines["coreai"] = few = min(limit or few, few)
        note(f"coreai: {few} examples: {slow}; --engine coreai --limit N runs more")
    return engines


def source_of(bundle: Bundle) -> str:
    """The folder or preset that a bundle was made from, never another of the same name.

    Raises:
        UserError: it is not on this machine, or holds random weights.
    """
    settings = bundle.settings
    if settings.get("random_weights"):
        raise UserError(f"{bundle.directory} has random weights: there is nothing to compare with")
    path, source = settings.get("source_path"), settings.get("source")
    if path == "" and source in PRESETS:
        return str(source)
    if isinstance(path, str) and path and Path(path).is_dir():
        return path
    raise UserError(
        f"{bundle.directory} was made from {path or source!r}, which is not here; name the "
        "checkpoint with --against"
    )


def _show(report: Report, title: str, arguments: argparse.Namespace) -> int:
    from export.proof.report import PAST_TOLERANCE

    show_result(arguments, report, lambda report: _print(report, title))
    if arguments.html:
        from export.proof.html_report import write_verification

        reports = report.reports if isinstance(report, EngineReports) else {"": report}
        write_verification(arguments.html, title, reports)
    return 0 if report.passed else PAST_TOLERANCE


def _print(report: Report, title: str) -> None:
    if isinstance(report, EngineReports):
        for engine, one in report.reports.items():
            _print(one, f"{title}, {engine}")
        return
    print_pairs(title, report.rows())
    say(report.verdict)


if __name__ == "__main__":
    sys.exit(main())
