"""Options that the exporters share: which model and task, and what is checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.models.presets import PRESETS, default_model
from export.tasks.model_inputs import parse_no_answer
from export.tasks.table import TASKS


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """``--model``, ``--task`` and ``--random-weights``."""
    add = parser.add_argument
    add(
        "--model",
        default=default_model(),
        help=f"checkpoint folder, hub id or preset ({', '.join(PRESETS)}); default %(default)s",
    )
    add(
        "--task",
        choices=TASKS,
        help="what the model answers; default: what the checkpoint is made for",
    )
    add("--random-weights", action="store_true", help="the architecture alone, to see its cost")


def add_no_answer_option(parser: argparse.ArgumentParser, note: str = "") -> None:
    """``--no-answer-threshold``, parsed into ``no_answer``; ``note`` ends its help."""
    parser.add_argument(
        "--no-answer-threshold",
        dest="no_answer",
        type=parse_no_answer,
        metavar="NUMBER|FILE",
        help="qa: no answer where the score of none is so much above the best span; a number, or "
        f"SQuAD 2.0 JSON on which the best is chosen{note}",
    )


def add_check_options(parser: argparse.ArgumentParser, made: str, limited: str = "") -> None:
    """``--verify``, ``--limit`` and ``--no-verify``; ``made``: what is compared, and ``limited``:
    what else has a limit."""
    add = parser.add_argument
    add(
        "--verify",
        type=Path,
        metavar="DATA",
        help="compare on data too, in the formats of export.verify --data",
    )
    add("--limit", type=int, help=f"at most so many examples of --verify{limited}")
    add("--no-verify", action="store_true", help=f"keep {made} that differs from PyTorch")
