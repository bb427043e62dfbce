"""Resizing, cropping and sampling against PyTorch and against boxes worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.simulator.programs import outputs, simulate

FEW = settings(max_examples=5)
SIDES = st.integers(1, 7)


def picture(height: int, width: int) -> np.ndarray:
    """(1, 2, height, width) of values that differ everywhere."""
    generator = np.random.default_rng(height * 31 + width)
    return generator.standard_normal((1, 2, height, width)).astype(np.float32)


@pytest.mark.parametrize("corners", [True, False])
@FEW
@given(size=st.tuples(SIDES, SIDES), target=st.tuples(SIDES, SIDES))
def test_bilinear_as_pytorch(corners: bool, size: tuple[int, int], target: tuple[int, int]) -> None:
    x = picture(*size)
    mode = "STRICT_ALIGN_CORNERS" if corners else "UNALIGN_CORNERS"
    found = simulate(
        lambda x: mb.resize_bilinear(
            x=x,
            target_size_height=target[0],
            target_size_width=target[1],
            sampling_mode=mode,
        ),
        x=x,
    )
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(x), size=target, mode="bilinear", align_corners=corners
    )
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "places"),
    [
        ("STRICT_ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1]),
        ("DEFAULT", [0, 0.4, 0.8, 1, 1]),
        ("OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9]),
        ("UNALIGN_CORNERS", [0, 0.1, 0.5, 0.9, 1]),
    ],
)
@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 1, 1, 2)])
def test_every_sampling_mode_as_its_definition(
    mode: str, places: list[float], shape: tuple[int, ...]
) -> None:
    """The example that MIL's reference of ``resize_bilinear`` works out: two pixels to five."""
    x = np.array([0, 1], np.float32).reshape(shape)

    def build(x: Any) -> Any:
        return [
            mb.resize_bilinear(x=x, target_size_height=1, target_size_width=5, sampling_mode=mode),
            mb.resize(
                x=x,
                shape=[1, 5],
                resized_dims=np.uint32(2),
                interpolation_mode="LINEAR",
                sampling_mode=mode,
            ),
        ]

    for found in outputs(build, x=x):
        assert found.shape == (*shape[:-1], 5)
        np.testing.assert_allclose(found.ravel(), places, atol=1e-6)


@FEW
@given(size=st.tuples(SIDES, SIDES), factor=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_nearest_neighbours_repeat_pixels(size: tuple[int, int], factor: tuple[int, int]) -> None:
    x = picture(*size)

    def build(x: Any) -> Any:
        upsampled = mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=factor[0], scale_factor_width=factor[1]
        )
        target = [size[0] * factor[0], size[1] * factor[1]]
        resized = mb.resize_nearest_neighbor(
            x=x, target_size_height=target[0], target_size_width=target[1]
        )
        return [upsampled, resized]

    expected = x.repeat(factor[0], axis=2).repeat(factor[1], axis=3)
    for found in outputs(build, x=x):
        np.testing.assert_array_equal(found, expected)


@FEW
@given(crops=st.tuples(*[st.integers(0, 2)] * 4))
def test_crop_as_a_slice(crops: tuple[int, int, int, int]) -> None:
    x, (top, bottom, left, right) = picture(5, 6), crops
    found = simulate(
        lambda x: mb.crop(x=x, crop_height=[top, bottom], crop_width=[left, right]), x=x
    )
    np.testing.assert_array_equal(found, x[:, :, top : 5 - bottom, left : 6 - right])


def test_a_box_is_cropped_and_resized_and_padded_outside() -> None:
    """Rows and columns 1 to 2 of 0..15, drawn larger; half of the second box is off the image."""
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    boxes = np.array([[1, 1, 2, 2], [2, 2, 4, 4]], np.float32)
    found = simulate(
        lambda x: mb.crop_resize(
            x=x,
            boxes=boxes,
            box_indices=np.zeros(2, np.int32),
            target_height=3,
            target_width=3,
            sampling_mode="ALIGN_CORNERS",
            pad_value=-1.0,
        ),
        x=x,
    )
    np.testing.assert_allclose(found[0, 0], [[5, 5.5, 6], [7, 7.5, 8], [9, 9.5, 10]], rtol=1e-5)
    np.testing.assert_allclose(found[1, 0], [[10, 11, -1], [14, 15, -1], [-1, -1, -1]], rtol=1e-5)


MODES = {"zeros": "constant", "border": "border", "reflection": "reflection"}


@pytest.mark.parametrize("padding", MODES)
@FEW
@given(size=st.tuples(st.integers(2, 6), st.integers(2, 6)), seed=st.integers(0, 99))
@pytest.mark.slow
def test_resample_as_pytorch(padding: str, size: tuple[int, int], seed: int) -> None:
    x = picture(*size)
    grid = np.random.default_rng(seed).uniform(-1.8, 1.8, (1, 3, 4, 2)).astype(np.float32)
    found = simulate(
        lambda x, grid: mb.resample(
            x=x,
            coordinates=grid,
            sampling_mode="bilinear",
            padding_mode=MODES[padding],
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=True,
        ),
        x=x,
        grid=grid,
    )
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(x), torch.from_numpy(grid), padding_mode=padding, align_corners=True
    )
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_affine_as_pytorch() -> None:
    x = picture(4, 5)
    matrix = np.array([[0.8, 0.2, -0.1, -0.3, 0.9, 0.2]], np.float32)
    found = simulate(
        lambda x, matrix: mb.affine(
            x=x,
            transform_matrix=matrix,
            output_height=3,
            output_width=6,
            sampling_mode="bilinear",
            padding_mode="constant",
            padding_value=0.0,
            coordinates_mode="normalized_minus_one_to_one",
            align_corners=True,
        ),
        x=x,
        matrix=matrix,
    )
    theta = torch.from_numpy(matrix.reshape(1, 2, 3))
    grid = torch.nn.functional.affine_grid(theta, [1, 2, 3, 6], align_corners=True)
    expected = torch.nn.functional.grid_sample(torch.from_numpy(x), grid, align_corners=True)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)
