"""Run two engines side by side over the same inputs."""

from __future__ import annotations

from collections.abc import Sequence

from tqdm import tqdm

from distill.console.errors import UserError
from export.bundle.bundle_folder import Bundle
from export.bundle.compress import COMPRESSIONS
from export.proof.coreai_runtime import CoreAIEngine
from export.proof.gate import Proof, cut, prove
from export.proof.package_runners import Engine, Outputs
from export.proof.read_back import with_stored_weights
from export.proof.witness import Witness
from export.tasks.model_inputs import Inputs
from export.tasks.table import task_named
from export.tasks.task import Workload


def run_both(
    inputs: Sequence[Inputs], task: str, reference: Engine, candidate: Engine
) -> tuple[list[Outputs], list[Outputs]]:
    """Outputs of both in the order of ``inputs``, without the padding.

    Inputs run one at a time, as on a phone, and in order of length, so that a wrong or slow
    length shows early.

    Raises:
        UserError: an output of one has another shape than that of the other.
    """
    order = sorted(range(len(inputs)), key=lambda i: inputs[i]["input_ids"].shape[1])
    expected: list[Outputs] = [{}] * len(order)
    found: list[Outputs] = [{}] * len(order)
    record = task_named(task)
    for index in tqdm(order, desc="verify", unit="input", leave=False):
        given = inputs[index]
        wanted, got = reference.predict(given), candidate.predict(given)
        for name, value in wanted.items():
            if got[name].shape != value.shape:
                raise UserError(
                    f"{name} is {got[name].shape} of the package and {value.shape} of its "
                    "reference: the checkpoint is another"
                )
        expected[index], found[index] = cut(wanted, given, record), cut(got, given, record)
    return expected, found


def run_engine(inputs: Sequence[Inputs], task: str, engine: Engine) -> list[Outputs]:
    """Outputs of one engine in the order of ``inputs``, without the padding."""
    record = task_named(task)
    bar = tqdm(inputs, desc="verify", unit="input", leave=False)
    return [cut(engine.predict(given), given, record) for given in bar]


def compare_with(
    witness: Witness,
    bundle: Bundle,
    workload: Workload,
    candidate: Engine,
) -> tuple[Proof, list[Outputs], list[Outputs]]:
    """A bundle in an engine beside its witness: ids, then outputs, then decisions; with the
    outputs of both.

    Raises:
        UserError: the bundle's tokenizer reads a text otherwise, its scores go through another
            activation, or outputs have other shapes.
    """
    witness.check_settings(bundle.settings)
    texts = witness.check_ids(workload.texts, bundle.reading.tokenizer)
    expected, found = run_both(workload.inputs, bundle.task, witness, candidate)
    quantize = str(bundle.settings["quantization"])
    formats = bundle.settings.get("weights")
    fewer_bits = COMPRESSIONS[quantize].kind != "float"
    # An asset of Core AI has weights of its own, which no library here reads back.
    readable = fewer_bits and not isinstance(candidate, CoreAIEngine)
    stored = with_stored_weights(witness, bundle.package) if readable else None
    proof = prove(witness, quantize, workload.inputs, expected, found, texts, formats, stored)
    return proof, expected, found
