"""Which part of the outputs is compared."""

from __future__ import annotations

import numpy as np
import pytest

from distill.console.errors import UserError
from export.proof.differences import compare_outputs
from export.proof.package_runners import Outputs
from export.proof.side_by_side import run_both
from export.tasks.model_inputs import Inputs, padded

LENGTH = 384
TOKENS = 5


class Fixed:
    """An engine that gives the same row whatever it is given."""

    def __init__(self, row: np.ndarray) -> None:
        self.row = row

    def predict(self, data: Inputs) -> Outputs:
        return {"row": self.row[None]}


@pytest.mark.parametrize(("task", "size", "error"), [("embed", LENGTH, 1), ("qa", TOKENS, 0)])
def test_padding_is_left_out_where_there_is_some(task: str, size: int, error: int) -> None:
    """MiniLM's embedding is as wide as the longest input: it is no row of positions."""
    row = np.arange(LENGTH, dtype=np.float32)
    last_differs = row + (row == LENGTH - 1)
    inputs = [padded([1] * TOKENS, [0] * TOKENS, LENGTH)]
    expected, found = run_both(inputs, task, Fixed(row), Fixed(last_differs))
    difference = compare_outputs(expected, found)
    assert expected[0]["row"].shape == found[0]["row"].shape == (1, size)
    assert difference.max_abs == error


def test_another_number_of_classes_is_another_checkpoint() -> None:
    two, three = (Fixed(np.arange(classes, dtype=np.float32)) for classes in (2, 3))
    inputs = [padded([1] * TOKENS, [0] * TOKENS, LENGTH)]
    with pytest.raises(UserError, match=r"row is \(1, 3\) of the package and \(1, 2\)"):
        run_both(inputs, "classify", two, three)
