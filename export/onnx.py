"""Turn a checkpoint into an ONNX file.

It is for ONNX Runtime on a CPU, in int8 if wanted, or for the accelerators of phones.

Example:

    python -m export.onnx --model minilm --task embed --quantize int8 --out minilm.onnx
    python -m export.onnx --model minilm --task embed --for mobile --out minilm-mobile.onnx
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from distill.console.tables import print_pairs, say
from export.tasks.options import add_model_options, add_no_answer_option

if TYPE_CHECKING:
    from export.proof.onnx_report import OnnxReport

QUANTIZATIONS = ("none", "int8")
FORMS = ("cpu", "mobile")


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("export.onnx", __doc__)
    add = result.add_argument
    add_model_options(result)
    add(
        "--for",
        dest="form",
        choices=FORMS,
        default="cpu",
        help="cpu: fused for ONNX Runtime on a CPU; mobile: the plain operators that its Core ML "
        "and NNAPI providers take; default %(default)s",
    )
    add("--quantize", choices=QUANTIZATIONS, default="none", help="int8: dynamic, per channel")
    add("--vnni", action="store_true", help="8-bit weights for a CPU with VNNI, not this one")
    add_no_answer_option(result, "; written into the file's metadata")
    add("--out", type=Path, help="default MODEL-TASK-QUANTIZE.onnx, weights above 2 GB beside it")
    add("--force", action="store_true", help="replace what is at --out")
    add("--no-verify", action="store_true", help="do not compare the file with PyTorch")
    add_json_options(result)
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from export.tasks.asked_task import asked_task

    task = asked_task(arguments.model, arguments.task)
    # Resolved, for a model that is given as "." or "..".
    name = Path(arguments.model).resolve().name
    form = "" if arguments.form == FORMS[0] else f"-{arguments.form}"
    out = arguments.out or Path(f"{name}-{task}-{arguments.quantize}{form}.onnx")
    if arguments.vnni and arguments.quantize != "int8":
        raise UserError("--vnni is for --quantize int8; other weights have no use for it")
    from export.checkpoint.reading import load_checkpoint
    from export.proof.proven_onnx import check_replaceable_file, export_onnx

    check_replaceable_file(out, arguments.force)
    report = export_onnx(
        load_checkpoint(arguments.model, random_weights=arguments.random_weights),
        task,
        out,
        quantize=arguments.quantize,
        form=arguments.form,
        no_answer=arguments.no_answer,
        vnni=True if arguments.vnni else None,
        replace=arguments.force,
        verify=not arguments.no_verify,
    )
    show_result(arguments, report, _print)
    return 0


def _print(report: OnnxReport) -> None:
    label = "  RANDOM WEIGHTS" if report.random_weights else ""
    print_pairs(f"{report.file}{label}", report.rows())
    if report.difference is not None:
        say(
            f"Within tolerance of {report.witness}: {report.difference.psnr:.1f} dB, at least "
            f"{report.least_psnr:.1f} are asked."
        )


if __name__ == "__main__":
    sys.exit(main())
