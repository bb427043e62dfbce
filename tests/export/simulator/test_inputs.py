"""Inputs are taken as they are, or refused in one line: export/simulator/inputs.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export.simulator import Simulator, SimulatorError
from tests.export.simulator.programs import convert

IDS = np.array([[1, 2, 3]], np.int32)
X = np.zeros((1, 3), np.float32)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    def build(ids: Any, x: Any) -> Any:
        return mb.add(x=mb.cast(x=ids, dtype="fp32"), y=x)

    specs = [mb.TensorSpec(shape=(1, 3), dtype=types.int32), mb.TensorSpec(shape=(1, 3))]
    return Simulator(convert(build, specs))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ids", np.array([[2**33 + 1, 2, 3]]), "'ids' holds 8589934593, which int32 does not hold"),
        ("ids", np.array([[1.7, 2, 3]]), "'ids' holds 1.7, which int32 does not hold"),
        ("ids", np.array([[np.nan, 2, 3]]), "'ids' holds nan, which int32"),
        ("ids", np.array([[np.inf, 2, 3]]), "'ids' holds inf, which int32"),
        ("ids", np.array([[2**63, 2, 3]], np.uint64), "'ids' holds 9223372036854775808"),
        ("x", np.array([[1e300, 0, 0]]), "'x' holds 1e\\+300, which float32 does not hold"),
        ("x", np.array([[2**24 + 1, 0, 0]]), "'x' holds 16777217, which float32 does not hold"),
        ("x", np.array([[None] * 3], object), "'x' holds objects, not numbers"),
        ("x", "a", "'x' holds text, not numbers"),
        ("x", np.array([[1j, 0, 0]]), "'x' holds complex numbers"),
        ("x", [[1, 2], [3]], r"'x' is not an array \(ValueError"),
        ("x", torch.zeros(1, 3, requires_grad=True), r"'x' is not an array \(RuntimeError"),
        ("x", {"a": 1}, "'x' holds objects, not numbers"),
        ("x", np.ma.array(X, mask=[[True, False, False]]), "'x' has masked values"),
    ],
)
def test_an_input_that_would_change_is_refused(
    simulator: Simulator, name: str, value: Any, message: str
) -> None:
    with pytest.raises(SimulatorError, match=message):
        simulator.predict({"ids": IDS, "x": X, name: value})


@pytest.mark.parametrize("ids", [IDS.astype(np.float64), IDS.tolist(), torch.tensor(IDS), IDS > 0])
def test_whole_numbers_of_any_type_are_taken(simulator: Simulator, ids: Any) -> None:
    (found,) = simulator.predict({"ids": ids, "x": X}).values()
    np.testing.assert_array_equal(found, np.asarray(ids).astype(np.float32))


def test_a_number_that_half_precision_does_not_hold_is_refused() -> None:
    """An input of half precision; one of single precision may become infinite in the program."""

    def build(x: Any) -> Any:
        return mb.mul(x=x, y=np.float16(2))

    spec = mb.TensorSpec(shape=(1, 3), dtype=types.fp16)
    simulator = Simulator(convert(build, [spec], "float16"))
    with pytest.raises(SimulatorError, match=r"holds 70000\.0, which float16 does not hold"):
        simulator.predict({"x": np.array([[70000.0, 1, 1]])})
    (found,) = simulator.predict({"x": np.array([[0.1, np.inf, 1]])}).values()
    np.testing.assert_array_equal(found, [[2 * np.float16(0.1), np.inf, 2]])


def test_infinities_are_floats(simulator: Simulator) -> None:
    """A mask of them is common."""
    (found,) = simulator.predict({"ids": IDS, "x": np.full((1, 3), -np.inf)}).values()
    assert np.isneginf(found).all()


@pytest.mark.parametrize("data", [None, IDS, "x", [IDS], [None]])
def test_inputs_that_are_not_a_dictionary_are_refused(simulator: Simulator, data: Any) -> None:
    with pytest.raises(SimulatorError, match="predict takes a dictionary of inputs"):
        simulator.predict(data)
