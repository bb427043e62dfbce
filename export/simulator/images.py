"""Images as Core ML takes and gives them: a `PIL.Image` in the place of an array (1, C, H, W)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .errors import SimulatorError

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import FeatureDescription
    from PIL.Image import Image

MODES = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}
"""What Core ML takes as an image of each colour space; colours come back with an alpha."""


def color_spaces(features: Iterable[FeatureDescription]) -> dict[str, str]:
    """Colour space of each feature of a model description that is an image, by its name."""
    return {
        feature.name: feature.type.imageType.ColorSpace.Name(feature.type.imageType.colorSpace)
        for feature in features
        if feature.type.WhichOneof("Type") == "imageType"
    }


def to_array(image: object, space: str, name: str) -> object:
    """Pixel values (1, C, H, W), channels in the order of the colour space. What is not an image is
    left as it is.

    Raises:
        SimulatorError: an image of another mode than the colour space has.
    """
    if not space or not hasattr(image, "getbands"):
        return image
    mode = getattr(image, "mode", None)
    if mode != MODES[space]:
        raise SimulatorError(
            f"input {name!r} is an image of mode {mode}; the model takes {MODES[space]}"
        )
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 2:
        return pixels[None, None]
    return pixels[:, :, :: -1 if space == "BGR" else 1].transpose(2, 0, 1)[None]


def to_image(array: np.ndarray, space: str) -> Image:
    """The `PIL.Image` of pixel values (1, C, H, W): mode RGBA, L or F.

    Raises:
        SimulatorError: pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise SimulatorError(
            "a model that gives an image needs pillow (pip install pillow)"
        ) from None
    pixels = array[0].transpose(1, 2, 0).astype(np.float32)
    if space == "GRAYSCALE_FLOAT16":
        return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0]))
    levels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if space == "GRAYSCALE":
        return Image.fromarray(levels[:, :, 0])
    colours = levels[:, :, :: -1 if space == "BGR" else 1]
    opaque = np.full((*colours.shape[:2], 1), 255, np.uint8)
    return Image.fromarray(np.concatenate([colours, opaque], axis=2))
