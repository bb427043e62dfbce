"""Run two engines side by side over the same inputs."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm import tqdm

from distill.console.errors import UserError
from export.proof.differences import Difference, compare
from export.proof.package_runners import Engine, Outputs
from export.tasks.model_inputs import Inputs
from export.tasks.table import task_named


def run_both(
    inputs: Sequence[Inputs], task: str, reference: Engine, candidate: Engine
) -> tuple[list[Outputs], list[Outputs], Difference]:
    """Outputs of both in the order of ``inputs``, and their difference at the attended positions.

    Inputs run one at a time, as on a phone, and in order of length, so that a wrong or slow
    length shows early.

    Raises:
        UserError: an output of one has another shape than that of the other.
    """
    order = sorted(range(len(inputs)), key=lambda i: inputs[i]["input_ids"].shape[1])
    expected: list[Outputs] = [{}] * len(order)
    found: list[Outputs] = [{}] * len(order)
    for index in tqdm(order, desc="verify", unit="input", leave=False):
        given = inputs[index]
        tokens = int(given["attention_mask"].sum()) if task_named(task).per_token else None
        wanted, got = reference.predict(given), candidate.predict(given)
        for name, value in wanted.items():
            if got[name].shape != value.shape:
                raise UserError(
                    f"{name} is {got[name].shape} of the package and {value.shape} of PyTorch: "
                    "the checkpoint is another"
                )
        expected[index], found[index] = _cut(wanted, tokens), _cut(got, tokens)
    pairs = [
        (wanted[name], got[name])
        for wanted, got in zip(expected, found, strict=True)
        for name in wanted
    ]
    difference = compare([wanted for wanted, _ in pairs], [got for _, got in pairs])
    return expected, found, difference


def _cut(outputs: Outputs, tokens: int | None) -> Outputs:
    """The first ``tokens`` positions, which leaves the padding out; None keeps all."""
    return {name: value[:, :tokens] for name, value in outputs.items()}
