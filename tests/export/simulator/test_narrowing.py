"""Whole numbers that a program casts to others: export/simulator/narrowing.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export.bundle.quiet import quiet
from export.simulator import Simulator, SimulatorError
from tests.export.simulator.programs import convert

INTS, FLOATS = types.int32, types.fp32


def simulated(build: Callable[[Any], Any], kind: Any) -> Simulator:
    """In half precision, of one input of that kind."""
    model = convert(build, [mb.TensorSpec(shape=(1, 2), dtype=kind)])
    return Simulator(model, precision="float16")


def cast(value: Any, *kinds: str) -> Any:
    for kind in kinds:
        value = mb.cast(x=value, dtype=kind)
    return value


def first(value: Any) -> Any:
    return mb.slice_by_index(x=value, begin=[0, 0], end=[1, 1])


@pytest.mark.parametrize(
    ("build", "kind", "fine", "other"),
    [
        (lambda x: cast(x, "int16", "int32"), INTS, [-(2**15), 2**15 - 1], 2**15),
        (lambda x: cast(x, "int16", "int32"), INTS, [0, 1], 2**31 - 1),
        (lambda x: cast(x, "uint8", "int32"), INTS, [0, 255], -1),
        (lambda x: cast(mb.transpose(x=x, perm=[1, 0]), "int8", "int32"), INTS, [-128, 127], 128),
        (lambda x: cast(mb.concat(values=[x, x], axis=1), "int16", "int32"), INTS, [1, 2], 2**16),
        (lambda x: cast(x, "fp16", "fp32"), INTS, [2048, 4096], 2049),
        (lambda x: cast(x, "fp16", "fp32"), INTS, [1, 65504], 70_000),
        (lambda x: cast(x, "fp32"), INTS, [1, 2**24], 2**24 + 1),
        (lambda x: cast(x, "int32"), FLOATS, [1.5, -2.75], 3e9),
        (lambda x: cast(x, "int32"), FLOATS, [0.0, 2.0], np.nan),
        (lambda x: cast(x, "fp16", "int32"), FLOATS, [1.5, 2048.0], 2049.0),
    ],
)
def test_an_input_that_a_cast_makes_another_number_is_refused(
    build: Callable[[Any], Any], kind: Any, fine: list[float], other: float
) -> None:
    simulator = simulated(build, kind)
    (found,) = simulator.predict({"x": np.array([fine])}).values()
    assert set(found.ravel().tolist()) == {*np.trunc(fine).tolist()}
    with pytest.raises(SimulatorError, match=r"input 'x' holds \S+, which does not fit the"):
        simulator.predict({"x": np.array([[fine[0], other]])})


def test_numbers_that_are_not_cast_or_that_are_computed_are_taken() -> None:
    """Only what is cut out is cast; and an overflow of the program's own is its own."""
    simulator = simulated(lambda x: cast(first(x), "uint8", "int32"), INTS)
    (found,) = simulator.predict({"x": np.array([[7, 70_000]])}).values()
    assert found.tolist() == [[7]]
    simulator = simulated(lambda x: cast(mb.add(x=x, y=1), "int16", "int32"), INTS)
    (found,) = simulator.predict({"x": np.array([[1, 2**15 - 1]])}).values()
    assert found.tolist() == [[2, -(2**15)]]


def test_ids_beyond_the_look_up_of_coremltools_are_refused() -> None:
    """A table below 2^15 rows is looked up by int16: 2^16 - 1 would be the last row."""
    embedding = torch.nn.Embedding(30_000, 4).eval()
    with quiet():
        model = ct.convert(
            torch.jit.trace(embedding, torch.ones((1, 2), dtype=torch.int64)),
            inputs=[ct.TensorType("ids", (1, 2), dtype=np.int32)],
            minimum_deployment_target=ct.target.iOS18,
            skip_model_load=True,
        )
    simulator = Simulator(model)
    ids = np.array([[5, 29_999]], np.int32)
    (found,) = simulator.predict({"ids": ids}).values()
    expected = embedding(torch.from_numpy(ids)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=2e-3)
    for other in (2**15, 2**16 - 1, 70_000, 2**31 - 1, -(2**31)):
        with pytest.raises(
            SimulatorError, match=f"'ids' holds {other}, which does not fit the int"
        ):
            simulator.predict({"ids": np.array([[5, other]])})


def test_a_whole_number_that_an_input_of_half_precision_does_not_hold_is_refused() -> None:
    simulator = simulated(lambda x: mb.relu(x=x), types.fp16)
    assert simulator.inputs["x"].kind == "float16"
    simulator.predict({"x": np.array([[2048, 2050]])})
    with pytest.raises(SimulatorError, match="'x' holds 2049, which float16 does not hold"):
        simulator.predict({"x": np.array([[2048, 2049]])})
