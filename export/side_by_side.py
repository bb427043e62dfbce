"""Run two engines side by side over the same inputs."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm import tqdm

from export.engines import Engine, Outputs
from export.parity import Difference, compare
from export.tasks import PER_TOKEN
from export.text import Inputs


def run_both(
    inputs: Sequence[Inputs], task: str, reference: Engine, candidate: Engine
) -> tuple[list[Outputs], list[Outputs], Difference]:
    """Outputs of both in the order of ``inputs``, and their difference at the attended positions.

    Inputs run one at a time, as on a phone, and in order of length, so that a wrong or slow
    length shows early.
    """
    order = sorted(range(len(inputs)), key=lambda i: inputs[i]["input_ids"].shape[1])
    expected: list[Outputs] = [{}] * len(order)
    found: list[Outputs] = [{}] * len(order)
    for index in tqdm(order, desc="verify", unit="input", leave=False):
        given = inputs[index]
        tokens = int(given["attention_mask"].sum()) if task in PER_TOKEN else None
        expected[index] = _cut(reference.predict(given), tokens)
        found[index] = _cut(candidate.predict(given), tokens)
    difference = compare(
        [value for output in expected for value in output.values()],
        [
            output[name]
            for reference, output in zip(expected, found, strict=True)
            for name in reference
        ],
    )
    return expected, found, difference


def _cut(outputs: Outputs, tokens: int | None) -> Outputs:
    """The first ``tokens`` positions, which leaves the padding out; None keeps all."""
    return {name: value[:, :tokens] for name, value in outputs.items()}
