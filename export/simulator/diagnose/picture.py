"""The picture of a diagnosis: the operations that lose most in half precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import written
from ..errors import SimulatorError
from .diagnosing import Diagnosis, Loss

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, BAR, MARGIN, DPI = 7.2, 0.28, 1.3, 130
LOSES, OVERFLOWS = "#20639b", "#c0392b"
LONGEST = 44


def write_picture(diagnosis: Diagnosis, path: Path, top: int) -> None:
    """Write the first ``top`` operations as PNG, whole or not at all.

    Raises:
        SimulatorError: matplotlib is not installed.
    """
    figure = picture(diagnosis, top)
    with written(path, force=True) as staged:
        figure.savefig(staged, format="png", dpi=DPI, metadata={"Software": None})


def picture(diagnosis: Diagnosis, top: int) -> Figure:
    """A bar for each operation: the noise that it adds to that of its inputs, on a scale of powers
    of ten; one that overflows has a bar of the whole width.

    Raises:
        SimulatorError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise SimulatorError("--plot needs matplotlib: pip install matplotlib") from None
    losses = diagnosis.losses[:top]
    least, most = _range(losses)
    figure = Figure(figsize=(WIDTH, MARGIN + BAR * max(len(losses), 1)), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    for place, loss in enumerate(losses):
        reach = most if loss.not_finite else max(loss.added, least)
        axes.barh(place, reach, left=0, color=OVERFLOWS if loss.not_finite else LOSES)
        at, color = (least, "white") if loss.not_finite else (reach, "black")
        axes.annotate(
            _words(loss), (at, place), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=7, color=color,
        )  # fmt: skip
    axes.set_yticks(range(len(losses)), [_name(loss) for loss in losses], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("noise added in half precision, as a share of the squared peak")
    axes.set_title(f"{diagnosis.function.replace('$', chr(92) + '$')}: what loses most", fontsize=9)
    return figure


def _range(losses: Sequence[Loss]) -> tuple[float, float]:
    """Around the noise of all bars, with room for words at the right."""
    added = [loss.added for loss in losses if loss.added > 0] or [1e-9]
    low, high = math.floor(math.log10(min(added))), math.ceil(math.log10(max(added)))
    return 10.0 ** (low - 1), 3 * 10.0 ** (max(high, low + 1))


def _words(loss: Loss) -> str:
    if loss.not_finite:
        return f"overflows: {loss.not_finite:,} values, peak {loss.peak:.3g}"
    return "no loss" if loss.psnr is None else f"{loss.psnr:.1f} dB"


def _name(loss: Loss) -> str:
    """The operation with its part; a dollar sign begins no formula."""
    text = f"{loss.operation} ({loss.part})" if loss.part else loss.operation
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return short.replace("$", r"\$")
