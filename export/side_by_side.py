"""Run two engines side by side over a workload."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from export.engines import Engine, Outputs
from export.parity import Difference, compare
from export.workload import Workload


def run_both(
    workload: Workload, reference: Engine, candidate: Engine
) -> tuple[list[Outputs], list[Outputs], Difference]:
    """Outputs of both in the workload's order, and their difference at the attended positions.

    Inputs run one at a time, as on a phone, and in order of length, so that a wrong or slow
    length shows early.
    """
    order = sorted(range(len(workload.inputs)), key=lambda i: _length(workload.inputs[i]))
    expected: list[Outputs] = [{}] * len(order)
    found: list[Outputs] = [{}] * len(order)
    for index in tqdm(order, desc="verify", unit="input", leave=False):
        inputs = workload.inputs[index]
        expected[index] = _attended(reference.predict(inputs), inputs)
        found[index] = _attended(candidate.predict(inputs), inputs)
    difference = compare(
        [value for output in expected for value in output.values()],
        [
            output[name]
            for reference, output in zip(expected, found, strict=True)
            for name in reference
        ],
    )
    return expected, found, difference


def _length(inputs: dict[str, np.ndarray]) -> int:
    return int(inputs["input_ids"].shape[1])


def _attended(outputs: Outputs, inputs: dict[str, np.ndarray]) -> Outputs:
    """Without the padding of outputs that have a value per position."""
    length, tokens = _length(inputs), int(inputs["attention_mask"].sum())
    return {
        name: value[:, :tokens] if value.ndim > 1 and value.shape[1] == length else value
        for name, value in outputs.items()
    }
