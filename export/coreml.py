"""Turn a checkpoint into a Core ML package.

The package is run as it was written, and the command says what it costs and what it changed.

Example:

    python -m export.coreml --model minilm --task embed --quantize int8 --out minilm-int8
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.command_parser import add_json_options, command_parser, show_result
from distill.console.errors import UserError, command
from distill.console.tables import say
from export.bundle.compress import COMPRESSIONS, TARGETS
from export.bundle.functions import SHAPES, choose_shapes
from export.tasks.model_inputs import LENGTHS, parse_lengths
from export.tasks.options import add_check_options, add_model_options, add_no_answer_option
from export.tasks.table import TASKS

if TYPE_CHECKING:
    from export.checkpoint.reading import Checkpoint
    from export.proof.verification import Verification

APP_MODELS = Path("ios_app/QADemo/Models")
DEFAULT_TARGET = "iOS18"


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("export.coreml", __doc__)
    add = result.add_argument
    add_model_options(result)
    add(
        "--quantize",
        choices=COMPRESSIONS,
        default="none",
        help="weights in fewer bits: intN in even steps, lutN from a palette, which --data makes "
        "better; w8a8: what they are multiplied with too; auto: each weight its own format, by "
        "--budget and --data",
    )
    add(
        "--budget",
        metavar="LOSS|SIZE",
        help='of auto: what the package may lose against half precision, "F1 -0.5", or its size, '
        '"8.8 MB"',
    )
    add(
        "--data",
        type=Path,
        metavar="FILE",
        help="of auto and lutN: examples that palettes are fitted to, so that their rounding makes "
        "up for itself; of auto they choose the formats, too",
    )
    add(
        "--calibrate",
        type=Path,
        metavar="FILE",
        help="of w8a8: text to measure activations on, one input a line, a tab within a pair; "
        "for qa SQuAD JSON, for embed an STS-B TSV",
    )
    add(
        "--skip-layers",
        dest="skip",
        action="append",
        default=[],
        metavar="NAME",
        help="leave weights with this in their name alone (word_embeddings); may be repeated",
    )
    add(
        "--layout",
        choices=("standard", "ane"),
        default="standard",
        help="ane: channels first, as the Neural Engine runs well; default %(default)s",
    )
    add(
        "--lengths",
        type=parse_lengths,
        help="lengths of an input in tokens, which is padded to the next of them; "
        f"default {','.join(map(str, LENGTHS))} or what the checkpoint reads of them, below iOS18 "
        "the greatest",
    )
    add(
        "--shapes",
        choices=[name for name, kind in SHAPES.items() if kind.several],
        help="how the package holds several lengths; default functions, below iOS18 range. "
        + "; ".join(f"{name}: {kind.description}" for name, kind in SHAPES.items() if kind.several),
    )
    add(
        "--target",
        choices=TARGETS,
        default=DEFAULT_TARGET,
        help="oldest system that is to run it; default %(default)s",
    )
    add_no_answer_option(result)
    add(
        "--classifier",
        action="store_true",
        help="classify: the package gives Core ML's label and probabilities beside the logits; "
        "for one length, or --shapes enumerated",
    )
    add(
        "--with-coreai",
        action="store_true",
        help="put a Core AI asset (iOS 27 and later) of the same weights beside the package",
    )
    add("--out", type=Path, help="directory of the bundle; default MODEL-TASK-QUANTIZE[-…]")
    add("--app", action="store_true", help=f"write into {APP_MODELS} of the demo app")
    add("--force", action="store_true", help="replace what is at --out")
    add_check_options(result, "a package", ", and of --data")
    add_json_options(result)
    return result


def _destination(arguments: argparse.Namespace, task: str, usual: tuple[int, ...]) -> Path:
    """Where the bundle goes; what is not the default is in its name, so that one export does not
    replace another. ``usual``: the default lengths."""
    # Resolved, for a model that is given as "." or "..".
    parts = [Path(arguments.model).resolve().name, task, arguments.quantize]
    if arguments.layout != "standard":
        parts.append(arguments.layout)
    target = arguments.target
    if target != DEFAULT_TARGET:
        parts.append(target)
    lengths = arguments.lengths or usual
    if lengths != usual:
        parts += map(str, lengths)
    if arguments.shapes not in (None, choose_shapes(lengths, target)):
        parts.append(arguments.shapes)
    parts += [f"without_{part}" for part in arguments.skip]
    for data in filter(None, (arguments.calibrate, arguments.data)):
        parts.append(data.name.partition(".")[0])
    if arguments.budget:
        parts.append(arguments.budget)
    if arguments.classifier:
        parts.append("classifier")
    if arguments.with_coreai:
        parts.append("coreai")
    if arguments.random_weights:
        parts.append("random")
    name = re.sub(r"[^\w.-]", "_", "-".join(parts))
    if not arguments.app:
        return arguments.out or Path(name)
    if arguments.out:
        raise UserError("--app writes to its own folder; leave --out out")
    if not TASKS[task].in_app:
        known = ", ".join(name for name, each in TASKS.items() if each.in_app)
        raise UserError(f"the app is for {known}, not {task}; --task or another --model")
    if not APP_MODELS.parent.is_dir():
        raise UserError(f"{APP_MODELS.parent}: no app here; run --app in the repository's root")
    return APP_MODELS / name


def _check_data(arguments: argparse.Namespace) -> None:
    if arguments.verify is None and arguments.data is None and arguments.limit is not None:
        raise UserError("--limit needs --verify DATA or --data FILE")
    if arguments.limit is not None and arguments.limit < 1:
        raise UserError(f"--limit must be at least 1, not {arguments.limit}")


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    from export.tasks.asked_task import asked_task

    task = asked_task(arguments.model, arguments.task)
    _check_data(arguments)
    from export.bundle.lengths import check_lengths, usual_lengths
    from export.checkpoint.reading import load_checkpoint
    from export.proof.budget import asked_choosing
    from export.proof.proven_bundle import BundleOptions, export_bundle
    from export.proof.report import print_report, say_next, status_of
    from export.tasks.table import task_named

    choosing = asked_choosing(arguments.quantize, arguments.budget, arguments.data, arguments.limit)
    for data in filter(None, (arguments.verify, arguments.data)):
        task_named(task).read(data)  # refused now, not after an export of minutes
    target = arguments.target
    described = load_checkpoint(arguments.model, random_weights=True)
    usual = usual_lengths(described, task, target, classifier=arguments.classifier)
    out = _destination(arguments, task, usual)
    check_lengths(described, task, arguments.lengths or usual)
    options = BundleOptions(
        task=task,
        quantize=arguments.quantize,
        layout=arguments.layout,
        lengths=arguments.lengths or usual,
        shapes=arguments.shapes,
        target=target,
        skip=tuple(arguments.skip),
        calibrate=arguments.calibrate,
        no_answer=arguments.no_answer,
        choosing=choosing,
        classifier=arguments.classifier,
    )
    options.check(out, arguments.force or arguments.app)
    if arguments.with_coreai:
        from export.proof.both_formats import BothReports, add_asset, check_both

        check_both(options)
    checkpoint = load_checkpoint(arguments.model, random_weights=arguments.random_weights)
    report = export_bundle(
        checkpoint,
        options,
        out,
        replace=arguments.force or arguments.app,
        verify=not arguments.no_verify,
    )
    if arguments.verify:
        report = replace(report, data=_on_data(arguments, out, checkpoint, "simulator"))
    status = status_of(report, arguments.no_verify)
    if arguments.with_coreai:
        asset = add_asset(checkpoint, options, out, verify=not arguments.no_verify)
        if arguments.verify:
            asset = replace(asset, data=_on_data(arguments, out, checkpoint, "coreai"))
        show_result(arguments, BothReports(report, asset), BothReports.print)
        status = max(status, status_of(asset, arguments.no_verify))
    else:
        show_result(arguments, report, print_report)
    _warn(out)
    say_next(report)
    return status


def _on_data(
    arguments: argparse.Namespace, out: Path, checkpoint: Checkpoint, engine: str
) -> Verification:
    from export.proof.verification import verify_bundle

    return verify_bundle(out, checkpoint, arguments.verify, arguments.limit, engine=engine)


def _warn(out: Path) -> None:
    """Say what is known to go wrong with a package like this one on phones."""
    from export.simulator.lint import lint
    from export.simulator.lint.command import described

    for line in described(lint(out)):
        say(line, error=True)


if __name__ == "__main__":
    sys.exit(main())
