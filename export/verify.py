"""Run a package beside the PyTorch checkpoint on the same real text, and report what differs.

Example:

    python -m export.verify minilm-int8 --against minilm --data ../shared/data/glue/STS-B/dev.tsv
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.errors import UserError, command
from distill.models.presets import PRESETS, default_model
from export.bundle.compress import COMPRESSIONS
from export.proof.engines import ENGINES
from export.proof.report import PAST_TOLERANCE, finite

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.checkpoint.reading import Checkpoint


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m export.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("package", type=Path, help="bundle directory, or the .mlpackage inside it")
    add("--against", help=f"the checkpoint; default: the package's preset, else {default_model()}")
    add("--data", type=Path, help="SQuAD JSON for qa, STS-B TSV for embed; default: own samples")
    add("--limit", type=int, help="at most so many examples")
    add(
        "--engine",
        choices=ENGINES,
        help="coreml: on a Mac; coreai: Apple's runtime; default: what runs the bundle here",
    )
    add("--precision", choices=("float16", "float32"), default="float16", help="of the simulator")
    add("--tolerance", type=float, metavar="DB", help="least PSNR; default: the quantization's")
    add("--json", action="store_true", help="print the report as JSON")
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from export.bundle.bundle_folder import open_bundle
    from export.checkpoint.reading import load_checkpoint

    bundle = open_bundle(arguments.package)
    source = str(bundle.settings.get("source"))
    against = arguments.against or (source if source in PRESETS else default_model())
    report = verify_bundle(
        arguments.package,
        load_checkpoint(against),
        arguments.data,
        arguments.limit,
        engine=arguments.engine,
        precision=arguments.precision,
    )
    tolerance = arguments.tolerance
    if tolerance is None:
        tolerance = COMPRESSIONS[bundle.settings["quantization"]].psnr
    report["tolerance"] = tolerance
    if arguments.json:
        print(json.dumps(finite(report), indent=2))
    else:
        _print(report, f"{arguments.package} against {against}")
    past = report["overflow"] or report["psnr"] < tolerance
    return PAST_TOLERANCE if past else 0


def verify_bundle(
    package: Path,
    checkpoint: Checkpoint,
    data: Path | None = None,
    limit: int | None = None,
    *,
    engine: str | None = None,
    precision: str = "float16",
) -> dict[str, Any]:
    """Compare a package with its checkpoint.

    Returns:
        ``examples``, ``max_abs``, ``mean_abs``, ``psnr`` (dB), ``overflow``, ``agreement`` (share
        of the same answer or argmax), and for data the task's metric of both: ``exact_match``
        and ``f1``, or ``spearman``, each with the package's as ``package_...``.

    Raises:
        UserError: a package or data file that does not fit, or another architecture or tokenizer
            than the package was made from.
    """
    from export.bundle.bundle_folder import open_bundle
    from export.proof.engines import open_engine
    from export.proof.package_runners import PyTorchEngine
    from export.proof.side_by_side import run_both
    from export.proof.workload import judge, load_workload

    bundle = open_bundle(package)
    _check_architecture(bundle, checkpoint)
    workload = load_workload(bundle, data, limit)
    reference = PyTorchEngine(checkpoint, bundle.task)
    candidate = open_engine(bundle, engine, precision)
    expected, found, difference = run_both(workload.inputs, bundle.task, reference, candidate)
    return {
        "examples": workload.examples,
        "max_abs": difference.max_abs,
        "mean_abs": difference.mean_abs,
        "psnr": difference.psnr,
        "overflow": difference.overflow,
        **judge(workload, expected, found),
    }


def _check_architecture(bundle: Bundle, checkpoint: Checkpoint) -> None:
    """Refuse what cannot be the package's checkpoint before anything runs."""
    from export.checkpoint.tokenizer_file import fingerprint, read_tokenizer

    settings, config = bundle.settings, checkpoint.config
    width, tokenizer = settings.get("hidden_size"), settings.get("tokenizer_sha256")
    wrong = ""
    if width not in (None, config.width):
        wrong = f"its width is {config.width}, not {width}"
    elif config.positions < max(bundle.lengths):
        wrong = f"it has {config.positions} positions, the package {max(bundle.lengths)}"
    elif tokenizer not in (None, fingerprint(read_tokenizer(checkpoint))):
        wrong = "its tokenizer is another"
    if wrong:
        raise UserError(f"{checkpoint.name} is not the checkpoint of this package: {wrong}")


def _print(report: dict[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, show_header=False, title_justify="left")
    for key, value in report.items():
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        table.add_row(key.replace("_", " "), text)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
