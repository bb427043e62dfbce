"""Results as Core ML gives them: an array of the declared type, an image, a label by its name."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Port
from .images import to_image

_TYPES = {"float16": np.float16, "int8": np.int8}
"""Types of outputs that are narrower than what carries them through the graph."""


def typed(array: np.ndarray, port: Port, colour_space: str | None) -> Any:
    """A result for the outside: never without an axis; of a classifier the label, or the
    probabilities by label."""
    if colour_space is not None:
        return to_image(array, colour_space)
    if port.labels is not None:
        if port.is_label:
            return port.labels[int(array[0])]
        return dict(zip(port.labels, array.tolist(), strict=True))
    with np.errstate(over="ignore"):  # what half precision does not hold becomes infinite
        return np.atleast_1d(array).astype(_TYPES.get(port.kind, array.dtype), copy=False)
