"""What a model takes: images, shapes within bounds, inputs that may be left out."""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
import onnxruntime
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from PIL import Image

from export.bundle.quiet import quiet
from export.simulator import Simulator, SimulatorError
from export.simulator.shapes import allowed
from tests.export.simulator.programs import convert

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
    with pytest.raises(SimulatorError, match="'x' is an image of mode L; the model takes RGB"):
        Simulator(brighter("RGB", 3)).predict({"x": picture("L")})


def test_pixels_are_clipped() -> None:
    white = np.full((1, 1, *SIDES), 300, np.float32)
    found = Simulator(brighter("GRAYSCALE", 1)).predict({"x": white})["y"]
    assert (np.asarray(found) == 255).all()


class Sum(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y


def converted(shape: Any) -> Simulator:
    """``x + y``; y may be left out and is 3 then."""
    default = np.full((1,), 3, np.float32)
    with quiet():
        model = ct.convert(
            torch.jit.trace(Sum(), (torch.zeros(4), torch.zeros(1))),
            inputs=[
                ct.TensorType(name="x", shape=shape),
                ct.TensorType(name="y", shape=(1,), default_value=default),
            ],
            outputs=[ct.TensorType(name="sum", dtype=np.float32)],
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        )
    return Simulator(model)


def test_an_optional_input_has_a_default() -> None:
    simulator = converted((4,))
    x = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(simulator.predict({"x": x})["sum"], x + 3)
    y = np.ones(1, np.float32)
    np.testing.assert_array_equal(simulator.predict({"x": x, "y": y})["sum"], x + 1)
    with pytest.raises(SimulatorError, match="'x' is missing"):
        simulator.predict({"y": y})


def test_shapes_are_within_their_bounds() -> None:
    simulator = converted((ct.RangeDim(3, 5, default=4),))
    for size in (3, 5):
        assert simulator.predict({"x": np.zeros(size, np.float32)})["sum"].shape == (size,)
    for size in (2, 6):
        with pytest.raises(
            SimulatorError, match=rf"Size \({size}\) of dimension .*range \(3\.\.5\)"
        ):
            simulator.predict({"x": np.zeros(size, np.float32)})
    with pytest.raises(SimulatorError, match=r"'x' is \(2, 3\); the model takes \(3\.\.5,\)"):
        simulator.predict({"x": np.zeros((2, 3), np.float32)})


def test_enumerated_shapes_are_those_alone() -> None:
    simulator = converted(ct.EnumeratedShapes([(4,), (6,)]))
    assert simulator.predict({"x": np.zeros(6, np.float32)})["sum"].shape == (6,)
    with pytest.raises(SimulatorError, match=r"\(5\) was not in .*: \(4\), \(6\)"):
        simulator.predict({"x": np.zeros(5, np.float32)})


def test_the_graph_that_is_written_has_the_names_of_the_program() -> None:
    """In the branches too."""

    def build(x: Any) -> Any:
        return mb.cond(
            pred=mb.greater(x=mb.reduce_sum(x=x), y=np.float32(0)),
            _true_fn=lambda: mb.add(x=x, y=np.float32(1)),
            _false_fn=lambda: mb.mul(x=x, y=np.float32(2)),
            name="changed",
        )

    graph = Simulator(convert(build, [mb.TensorSpec(shape=(2,))])).onnx_model
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    for given, expected in (([1, 2], [2, 3]), ([-1, -2], [-2, -4])):
        (found,) = session.run(["changed"], {"x": np.array(given, np.float32)})
        assert found.tolist() == expected


@pytest.mark.parametrize("sizes", ["enumerated", "range"])
def test_sizes_of_images_are_within_their_bounds(sizes: str) -> None:
    spec = brighter("RGB", 3).get_spec()
    image = spec.description.input[0].type.imageType
    if sizes == "enumerated":
        for height, width in (SIDES, (8, 6)):
            image.enumeratedSizes.sizes.add(height=height, width=width)
    else:
        image.imageSizeRange.heightRange.lowerBound = 4
        image.imageSizeRange.heightRange.upperBound = 8
        image.imageSizeRange.widthRange.lowerBound = 6
        image.imageSizeRange.widthRange.upperBound = -1
    rules = allowed(spec.description.input)["x"]
    refused = [(4, 6), (8, 6), (9, 6), (6, 6), (4, 5), (8, 999)]
    given = [size for size in refused if rules.refusal((1, 3, *size)) is None]
    kept = {"enumerated": [(4, 6), (8, 6)], "range": [(4, 6), (8, 6), (6, 6), (8, 999)]}
    assert given == kept[sizes]
