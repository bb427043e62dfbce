"""Run a package beside the library that made its checkpoint, on the same text, and say whether it
is within tolerance; or run two packages beside each other.

Example:

    python -m export.verify minilm-int8 --against minilm --data STS-B/dev.tsv
    python -m export.verify minilm-int8 minilm-lut4 --data STS-B/dev.tsv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from distill.models.presets import PRESETS
from export.proof.engines import ENGINES, engines_of
from export.proof.report import PAST_TOLERANCE

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.checkpoint.reading import Checkpoint


def parser() -> argparse.ArgumentParser:
    from export.tasks.table import TASKS

    formats = "; ".join(f"{name}: {task.data}" for name, task in TASKS.items())
    result = command_parser("export.verify", __doc__)
    add = result.add_argument
    add("package", type=Path, help="bundle directory, or the .mlpackage inside it")
    add("other", type=Path, nargs="?", help="a second bundle, to compare the two on the same data")
    add("--against", help="the checkpoint; default: the folder or preset that the bundle names")
    add("--data", type=Path, help=f"default: own samples. {formats}")
    add("--limit", type=int, help="at most so many examples")
    add(
        "--engine",
        choices=ENGINES,
        help="coreml: on a Mac; coreai: Apple's runtime; default: one for each format",
    )
    add("--precision", choices=("float16", "float32"), default="float16", help="of the simulator")
    add("--tolerance", type=float, metavar="DB", help="least PSNR, in the place of the bound")
    add_json_options(result)
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from export.bundle.bundle_folder import open_bundle
    from export.checkpoint.reading import load_checkpoint

    bundle = open_bundle(arguments.package)
    if arguments.other is not None:
        if arguments.against is not None:
            raise UserError("--against is for one bundle; of two the second is the other side")
        from export.proof.two_bundles import compare_bundles

        report = compare_bundles(
            bundle,
            open_bundle(arguments.other),
            arguments.data,
            arguments.limit,
            engine=arguments.engine,
            precision=arguments.precision,
        )
        return _show(report, f"{arguments.package} and {arguments.other}", arguments)
    against = arguments.against or source_of(bundle)
    reports = {}
    for engine in [arguments.engine] if arguments.engine else _engines_here(bundle):
        report = verify_bundle(
            arguments.package,
            load_checkpoint(against),
            arguments.data,
            arguments.limit,
            engine=engine,
            precision=arguments.precision,
        )
        if arguments.tolerance is not None:
            report |= _by_decibels(report, arguments.tolerance)
        reports[engine] = report
    title = f"{arguments.package} against {against}"
    if len(reports) == 1:
        return _show(report, title, arguments)
    passed = all(report["passed"] for report in reports.values())
    return _show({"passed": passed, **reports}, title, arguments)


def _engines_here(bundle: Bundle) -> list[str]:
    """An engine for each format of a bundle; one that has to be left out is named on stderr."""
    names = engines_of(bundle)
    if len(names) > 1 and "coreai" in names:
        form = bundle.settings["formats"]["coreai"]
        if find_spec("coreai") is None:
            reason = "Apple's packages are not installed (the extra coreai)"
        elif form.get("precision") == "float16":
            reason = "half precision takes seconds an input; --engine coreai --limit N runs it"
        else:
            return names
        print(f"coreai: not run: {reason}", file=sys.stderr)
        names.remove("coreai")
    return names


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


def verify_bundle(
    package: Path,
    checkpoint: Checkpoint,
    data: Path | None = None,
    limit: int | None = None,
    *,
    engine: str | None = None,
    precision: str = "float16",
) -> dict[str, Any]:
    """Compare a package with the library that made its checkpoint.

    Returns:
        ``examples``, the figures of `export.proof.gate.Proof`, ``agreement`` (the share of equal
        decisions), for data the task's measures of both, the package's as ``package_...``, of a
        Core ML package what `export.bundle.checks.run_checks` finds, and ``verdict``, a sentence.

    Raises:
        UserError: a package or data file that does not fit, another architecture or tokenizer
            than the package was made from, or a checkpoint that the library cannot load.
    """
    from export.bundle.bundle_folder import open_bundle
    from export.bundle.checks import run_checks
    from export.proof.engines import format_of, open_engine
    from export.proof.side_by_side import compare_with
    from export.proof.witness import load_witness
    from export.proof.workload import judge, load_workload

    bundle = open_bundle(package)
    _check_architecture(bundle, checkpoint)
    workload = load_workload(bundle, data, limit)
    witness, _ = load_witness(checkpoint, bundle.task)
    package_engine = open_engine(bundle, engine, precision)
    proof, expected, found = compare_with(witness, bundle, workload, package_engine)
    report = {
        "examples": workload.examples,
        **proof.as_json(),
        **judge(workload, expected, found),
        "verdict": proof.sentence(),
    }
    if format_of(bundle, engine) == "coreml":  # an asset of Core AI has weights of its own
        report |= run_checks(bundle.settings, package_engine.predict)
    if not report.get("checks_passed", True):
        report["passed"] = False
        report["verdict"] = (
            f"Not as exported: the package differs from the checks in its model.json by "
            f"{report['checks_difference']:.1%} of their largest number."
        )
    return report


def _by_decibels(report: dict[str, Any], tolerance: float) -> dict[str, Any]:
    """The verdict by a least PSNR that the user names."""
    passed = not report["overflow"] and report["psnr"] >= tolerance
    verdict = (
        f"{'Within' if passed else 'Not within'} tolerance: PSNR {report['psnr']:.1f} dB, "
        f"at least {tolerance:g} dB was asked for."
    )
    return {"passed": passed, "tolerance": tolerance, "verdict": verdict}


def _check_architecture(bundle: Bundle, checkpoint: Checkpoint) -> None:
    """Refuse what cannot be the package's checkpoint before anything runs."""
    from export.checkpoint.tokenizer_file import file_content, fingerprint, read_tokenizer

    settings, config = bundle.settings, checkpoint.config
    width, tokenizer = settings.get("hidden_size"), settings.get("tokenizer_sha256")
    wrong = ""
    if width not in (None, config.width):
        wrong = f"its width is {config.width}, not {width}"
    elif config.positions < max(bundle.lengths):
        wrong = f"it has {config.positions} positions, the package {max(bundle.lengths)}"
    elif tokenizer not in (
        None,
        fingerprint(file_content(read_tokenizer(checkpoint)), settings["format_version"]),
    ):
        wrong = "its tokenizer is another"
    if wrong:
        raise UserError(f"{checkpoint.name} is not the checkpoint of this package: {wrong}")


def _show(report: dict[str, Any], title: str, arguments: argparse.Namespace) -> int:
    show_result(arguments, report, lambda: _print(report, title))
    return 0 if report["passed"] else PAST_TOLERANCE


def _print(report: dict[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if "verdict" not in report:  # a report for each engine
        for engine in ENGINES:
            if engine in report:
                _print(report[engine], f"{title}, {engine}")
        return
    table = Table(title=escape(title), show_header=False, title_justify="left")
    for key, value in report.items():
        if value in (None, ()) or key in ("verdict", "passed"):
            continue
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        table.add_row(key.replace("_", " "), escape(text))
    Console().print(table)
    print(report["verdict"])


if __name__ == "__main__":
    sys.exit(main())
