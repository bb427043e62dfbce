"""Turn a checkpoint into a Core AI asset.

The asset (iOS 27 and later) is run in Apple's own runtime, and the command says what it costs and
what it changed. In the bundle of a Core ML package it goes beside that package.

Example:

    python -m export.coreai --quantize int8 --out qa-mini-int8
    python -m export.coreml --model minilm --task embed --quantize int8 --out minilm-int8
    python -m export.coreai --model minilm --task embed --quantize int8 --out minilm-int8
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from export.bundle.coreai_asset import ASSET_COMPRESSIONS, PRECISIONS
from export.tasks.model_inputs import LENGTHS, parse_lengths
from export.tasks.options import add_check_options, add_model_options, add_no_answer_option


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("export.coreai", __doc__)
    add = result.add_argument
    add_model_options(result)
    add(
        "--quantize",
        choices=ASSET_COMPRESSIONS,
        default="none",
        help="weights in fewer bits: intN in even steps, lutN from a palette; default %(default)s",
    )
    add("--layout", choices=("standard", "ane"), default="standard", help="default %(default)s")
    add(
        "--lengths",
        type=parse_lengths,
        help="lengths of an input in tokens, an entry point each; "
        f"default {','.join(map(str, LENGTHS))} or what the checkpoint reads of them",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of the arithmetic, and of weights that are not quantized; float16 takes seconds an "
        "input in the runtime for Linux, so only two inputs are run; default %(default)s",
    )
    add(
        "--out",
        type=Path,
        help="directory of the bundle, new or of the same model; default "
        "MODEL-TASK-QUANTIZE-coreai[-…]",
    )
    add("--force", action="store_true", help="replace the asset that is in the bundle")
    add_no_answer_option(result, "; of a bundle that is there its model.json decides")
    add_check_options(result, "an asset")
    add_json_options(result)
    return result


def _destination(arguments: argparse.Namespace, task: str, usual: tuple[int, ...]) -> Path:
    """Where the bundle goes; what is not the default is in its name. ``usual``: the default
    lengths."""
    if arguments.out:
        return Path(arguments.out)
    parts = [Path(arguments.model).resolve().name, task, arguments.quantize, "coreai"]
    parts += [arguments.layout] * (arguments.layout != "standard")
    parts += [arguments.precision] * (arguments.precision != "float32")
    if arguments.lengths not in (None, usual):
        parts += map(str, arguments.lengths)
    parts += ["random"] * arguments.random_weights
    return Path(re.sub(r"[^\w.-]", "_", "-".join(parts)))


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from export.tasks.asked_task import asked_task

    task = asked_task(arguments.model, arguments.task)
    if arguments.limit is not None and (arguments.verify is None or arguments.limit < 1):
        raise UserError("--limit must be at least 1, and needs --verify DATA")
    from export.bundle.coreai_asset import require_coreai
    from export.bundle.lengths import check_lengths, usual_lengths
    from export.checkpoint.reading import load_checkpoint
    from export.proof.proven_asset import AssetOptions, export_asset
    from export.proof.report import print_report, say_next, status_of
    from export.tasks.table import task_named

    require_coreai()
    if arguments.verify:
        task_named(task).read(arguments.verify)  # refused now, not after an export of minutes
    described = load_checkpoint(arguments.model, random_weights=True)
    usual = usual_lengths(described, task)
    check_lengths(described, task, arguments.lengths or usual)
    options = AssetOptions(
        task,
        arguments.quantize,
        arguments.layout,
        arguments.lengths or usual,
        arguments.precision,
        arguments.no_answer,
    )
    out = _destination(arguments, task, usual)
    checkpoint = load_checkpoint(arguments.model, random_weights=arguments.random_weights)
    report = export_asset(
        checkpoint, options, out, replace=arguments.force, verify=not arguments.no_verify
    )
    if arguments.verify:
        from export.proof.verification import verify_bundle

        found = verify_bundle(out, checkpoint, arguments.verify, arguments.limit, engine="coreai")
        report = replace(report, data=found)
    show_result(arguments, report, print_report)
    say_next(report)
    return status_of(report, arguments.no_verify)


if __name__ == "__main__":
    sys.exit(main())
