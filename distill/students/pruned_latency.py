"""How many feed-forward units a text can be read with in a given share of the time."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from statistics import median

import torch
from torch import nn
from tqdm import tqdm

from distill.console.errors import UserError
from distill.students.fewer_units import STEP, FeedForward, cut

ROUNDS = 15
"""Runs of either model, in turns."""


def units_in_time(
    model: nn.Module,
    layers: Sequence[FeedForward],
    units: int,
    share: float,
    inputs: dict[str, torch.Tensor],
) -> tuple[int, float]:
    """The most units a layer, a multiple of `STEP`, with which ``inputs`` take at most ``share`` of
    the time that they take with all ``units``; and the share that was measured.

    Raises:
        UserError: the other parts of the model take longer than that.
    """
    shares: dict[int, float] = {}

    def within(steps: int) -> bool:
        smaller = copy.deepcopy(model)
        cut(smaller, list(layers), steps * STEP)
        shares[steps] = time_share(model, smaller, inputs)
        return shares[steps] <= share

    low, high = 1, (units - 1) // STEP + 1
    with tqdm(desc="timing", unit=" models", leave=False) as progress:
        if not within(low):
            raise UserError(
                f"--latency {share:g}: with {STEP} units a layer a text still takes "
                f"{shares[low]:.2f} of the time; cut --heads, or layers (distill.init_student)"
            )
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if within(middle) else (low, middle)
            progress.update()
    return low * STEP, shares[low]


def time_share(model: nn.Module, smaller: nn.Module, inputs: dict[str, torch.Tensor]) -> float:
    """The time of ``smaller`` as a share of that of ``model``: the median of runs in turns."""
    runs = times_in_turns((model, smaller), (inputs, inputs), ROUNDS)
    return median(after / before for before, after in runs)


@torch.inference_mode()
def times_in_turns(
    models: tuple[nn.Module, nn.Module],
    inputs: tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]],
    rounds: int,
) -> list[tuple[float, float]]:
    """Seconds that each of two models takes for its inputs, in turns; a round more warms up."""
    runs = []
    for _ in range(rounds + 1):
        times = []
        for model, own in zip(models, inputs, strict=True):
            began = time.perf_counter()
            model(**own)
            times.append(time.perf_counter() - began)
        runs.append((times[0], times[1]))
    return runs[1:]
