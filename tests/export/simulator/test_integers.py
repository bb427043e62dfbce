"""Operations on integers, which a float32 does not hold beyond 24 bits, and ONNX often lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from tests.export.simulator.programs import simulate

LARGE = np.array([16_777_217, -2_147_483_647, 2_147_483_647, -7], np.int32)
DIVISORS = np.array([1, 1, -2, 2], np.int32)


def test_large_quotients_are_exact() -> None:
    def build(x: Any, y: Any) -> Any:
        return mb.floor_div(x=x, y=y)

    found = simulate(build, x=LARGE, y=DIVISORS)
    np.testing.assert_array_equal(found, LARGE // DIVISORS)


def test_a_large_quotient_is_cut_to_an_integer() -> None:
    found = simulate(lambda x, y: mb.real_div(x=x, y=y), x=LARGE, y=DIVISORS)
    np.testing.assert_array_equal(found, np.trunc(LARGE / DIVISORS).astype(np.int32))


def test_logarithm_of_a_sum() -> None:
    x = np.array([[1, 2, 5], [300, 400, 396]], np.int32)
    found = simulate(lambda x: mb.reduce_log_sum(x=x, axes=[1]), x=x)
    np.testing.assert_array_equal(found, np.log(x.sum(1)).astype(np.int32))


@pytest.mark.parametrize("kind", ["scatter", "scatter_nd", "scatter_along_axis"])
def test_division_at_places(kind: str) -> None:
    """49 / 49 by the reciprocal would be 0, and a place that comes twice is divided twice."""
    x = np.array([49, 30, 7], np.int32)
    indices = np.array([0, 1, 1], np.int32)
    updates = np.array([49, 2, -4], np.int32)

    def build(x: Any) -> Any:
        where = indices[:, None] if kind == "scatter_nd" else indices
        return getattr(mb, kind)(data=x, indices=where, updates=updates, mode="div")

    np.testing.assert_array_equal(simulate(build, x=x), [1, -3, 7])
