from __future__ import annotations

import pytest
import torch

from bench.runtimes.elmo import WORD_LENGTH, Elmo, elmo_model
from bench.runtimes.workloads import Source, load_workloads


@pytest.fixture(scope="module")
def elmo() -> Elmo:
    return elmo_model()


@torch.inference_mode()
def test_one_half_reads_forwards_and_the_other_backwards(elmo: Elmo) -> None:
    """A change of the last word reaches every backward state and only the last forward one."""
    words = torch.randint(1, 200, (1, 4, WORD_LENGTH))
    other = words.clone()
    other[0, 3] = 7
    changed = (elmo(words) - elmo(other)).abs() > 1e-7
    assert changed.shape == (1, 4, 1024)
    assert not changed[0, :3, :512].any()
    assert changed[0, 3, :512].any()
    assert all(changed[0, position, 512:].any() for position in range(4))


def test_inputs_are_those_of_the_others(elmo: Elmo) -> None:
    (workload,) = load_workloads("fixed:3", Source())
    inputs = workload.inputs[0] | {"attention_mask": torch.tensor([[1, 1, 0]]).numpy()}
    assert elmo.predict(inputs).shape == (1, 2, 1024)
