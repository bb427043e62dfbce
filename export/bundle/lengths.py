"""Which lengths a package may have: what the target holds, and what the checkpoint itself reads."""

from __future__ import annotations

from collections.abc import Sequence

from distill.console.errors import UserError
from export.bundle.functions import default_lengths
from export.checkpoint.reading import Checkpoint
from export.tasks.model_inputs import LENGTHS
from export.tasks.table import task_named


def longest_input(checkpoint: Checkpoint, task: str) -> tuple[int, str]:
    """The most that the library that made a checkpoint reads of a text, and what is counted."""
    positions = checkpoint.config.positions
    stated = checkpoint.modules.longest if task_named(task).of_sentences else None
    if stated is not None and stated < positions:
        return stated, "tokens (max_seq_length)"
    return positions, "positions"


def check_lengths(checkpoint: Checkpoint, task: str, lengths: Sequence[int]) -> None:
    """Raises:
    UserError: a length at which the library would have cut the text already.
    """
    most, unit = longest_input(checkpoint, task)
    if max(lengths) > most:
        raise UserError(
            f"length {max(lengths)} is above the {most} {unit} of {checkpoint.name}; "
            f"--lengths up to {most}"
        )


def check_positions(checkpoint: Checkpoint, lengths: Sequence[int]) -> None:
    """Raises:
    UserError: a length beyond the positions that the checkpoint was trained with.
    """
    positions = checkpoint.config.positions
    if max(lengths) > positions:
        raise UserError(
            f"length {max(lengths)} is above the {positions} positions of {checkpoint.name}"
        )


def usual_lengths(
    checkpoint: Checkpoint, task: str, target: str = "iOS18", *, classifier: bool = False
) -> tuple[int, ...]:
    """The lengths of a package where none are asked for: the usual ones that the checkpoint reads,
    and the most it reads where that is less than all of them. A ``classifier`` has one length,
    since it cannot have functions."""
    most, _ = longest_input(checkpoint, task)
    lengths = [length for length in LENGTHS if length <= most]
    if most < max(LENGTHS) and most not in lengths:
        lengths.append(most)
    return (max(lengths),) if classifier else default_lengths(target, lengths)
