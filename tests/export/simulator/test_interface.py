"""Images at a model's ends, and functions of their own."""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from PIL import Image

from export import ExportError
from export.quiet import quiet
from export.simulator import Simulator

SIDES = (4, 6)


def picture(mode: str) -> Image.Image:
    channels = {"RGB": (3,), "L": (), "F": ()}[mode]
    pixels = np.random.default_rng(0).integers(0, 200, (*SIDES, *channels))
    return Image.fromarray(pixels.astype(np.float32 if mode == "F" else np.uint8))


class Brighter(torch.nn.Module):
    """7 added to the first channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 7 * torch.eye(1, x.shape[1])[:, :, None, None]


def brighter(space: str, channels: int) -> Any:
    shape = (1, channels, *SIDES)
    layout = getattr(ct.colorlayout, space)
    with quiet():
        return ct.convert(
            torch.jit.trace(Brighter(), torch.zeros(shape)),
            inputs=[ct.ImageType(name="x", shape=shape, color_layout=layout)],
            outputs=[ct.ImageType(name="y", color_layout=layout)],
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        )


@pytest.mark.parametrize(
    ("space", "mode", "first"),
    [("RGB", "RGB", 0), ("BGR", "RGB", 2), ("GRAYSCALE", "L", 0), ("GRAYSCALE_FLOAT16", "F", 0)],
)
def test_images_go_in_and_come_out(space: str, mode: str, first: int) -> None:
    """Red is the first channel of RGB and the last of BGR; colours come with an alpha."""
    image = picture(mode)
    model = brighter(space, len(image.getbands()))
    found = Simulator(model).predict({"x": image})["y"]
    assert found.mode == {"RGB": "RGBA"}.get(mode, mode)
    expected = np.atleast_3d(np.asarray(image)).astype(np.float32)
    expected[:, :, first] += 7
    pixels = np.atleast_3d(np.asarray(found))
    np.testing.assert_allclose(pixels[:, :, : expected.shape[2]], expected, atol=0.2)
    if mode == "RGB":
        assert (pixels[:, :, 3] == 255).all()


def test_an_image_of_another_mode_is_refused() -> None:
    with pytest.raises(ExportError, match="'x' is an image of mode L; the model takes RGB"):
        Simulator(brighter("RGB", 3)).predict({"x": picture("L")})


def test_pixels_are_clipped() -> None:
    white = np.full((1, 1, *SIDES), 300, np.float32)
    found = Simulator(brighter("GRAYSCALE", 1)).predict({"x": white})["y"]
    assert (np.asarray(found) == 255).all()
