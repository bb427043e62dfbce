"""How far one set of outputs is from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Differences over all elements; ``psnr`` in dB, infinite where nothing differs, and
    ``overflow`` true where a value is not finite though its reference is."""

    max_abs: float
    mean_abs: float
    psnr: float
    overflow: bool


def psnr(reference: np.ndarray, value: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB: the largest magnitude of the reference against the root
    mean square of the error. The measure of Apple's conversion of Stable Diffusion."""
    error = float(np.mean(np.square(reference.astype(np.float64) - value.astype(np.float64))))
    peak = float(np.abs(reference).max(initial=0.0))
    if not np.isfinite(error) or peak == 0:
        return -np.inf
    return np.inf if error == 0 else float(20 * np.log10(peak) - 10 * np.log10(error))


def compare(references: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> Difference:
    """The difference of paired arrays, taken together."""
    reference = np.concatenate([np.ravel(array) for array in references])
    value = np.concatenate([np.ravel(array) for array in values]).astype(np.float64)
    error = np.abs(reference - value)
    return Difference(
        max_abs=float(error.max(initial=0.0)),
        mean_abs=float(error.mean()),
        psnr=psnr(reference, value),
        overflow=bool((~np.isfinite(value) & np.isfinite(reference)).any()),
    )


def compare_outputs(
    expected: Sequence[dict[str, np.ndarray]], found: Sequence[dict[str, np.ndarray]]
) -> Difference:
    """The difference of named outputs, all of them taken together."""
    pairs = [(w[name], g[name]) for w, g in zip(expected, found, strict=True) for name in w]
    return compare([wanted for wanted, _ in pairs], [got for _, got in pairs])
