"""An ONNX file in ONNX Runtime, beside its witness, and what the providers of phones take of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from distill.console.errors import UserError
from export.proof.differences import Difference, compare
from export.proof.gate import FACTOR
from export.proof.onnx_report import Taken
from export.proof.rounding import rounded_witnesses
from export.proof.witness import Witness
from export.simulator.errors import SimulatorError
from export.simulator.session import open_session
from export.tasks.model_inputs import Inputs, encode, take

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LENGTHS = (32, 64, 128, 256)
BATCH = 32
"""Tokens of the batch whose masks are compared."""
WHOLE = 32
"""Bits of a weight in float32."""
LEAST_PSNR = 90.0
"""Of a file with whole weights."""


class OnnxEngine:
    """An ONNX file in ONNX Runtime; inputs are cast to int64, as the file takes them."""

    def __init__(self, path: Path) -> None:
        try:
            self.session = open_session(str(path))
        except SimulatorError as error:
            raise UserError(f"{path}: ONNX Runtime cannot load it ({error})") from None
        self.names = [value.name for value in self.session.get_inputs()]
        self.outputs = [value.name for value in self.session.get_outputs()]

    def predict(self, data: Inputs) -> Inputs:
        """Outputs of the file by name; inputs that it does not take are left out."""
        feeds = {name: array.astype("int64") for name, array in take(data, self.names).items()}
        return dict(zip(self.outputs, self.session.run(None, feeds), strict=True))


def compare_onnx(
    path: Path, witness: Witness, tokenizer: Tokenizer, longest: int, bits: int
) -> tuple[Difference, float]:
    """The written file in ONNX Runtime against its witness, on the built-in texts without padding
    and on batches with masks of any form, and the least PSNR in dB that a good file has there.

    Whole weights: the worst of these, and `LEAST_PSNR`. Fewer bits: all together, as the few
    numbers of one batch say little of those, and as for packages `FACTOR` times the error of the
    witness, here with weights of as many bits and activations of 8.

    Args:
        longest: positions of the model.
        bits: of a weight.

    Raises:
        UserError: the tokenizer reads a text otherwise than the witness does.
    """
    task, candidate = witness.task, OnnxEngine(path)
    texts = task.samples()
    witness.check_ids(texts, tokenizer)
    alone = []
    for inputs in encode(tokenizer, texts, [min(length, longest) for length in LENGTHS]):
        tokens = int(inputs["attention_mask"].sum())
        alone.append({name: array[:, :tokens] for name, array in inputs.items()})
    batches = masked_batches(encode(tokenizer, texts[:3], (min(BATCH, longest),)))
    if bits == WHOLE:
        groups = (alone, *([batch] for batch in batches))
        found = (_difference(witness, candidate, group) for group in groups)
        return min(found, key=lambda difference: difference.psnr), LEAST_PSNR
    every = [*alone, *batches]
    peers = rounded_witnesses(witness, bits, activations=True)
    squares = [10 ** (-_difference(witness, peer, every).psnr / 10) for peer in peers]
    square = max(FACTOR**2 * float(np.mean(squares)), 10 ** (-LEAST_PSNR / 10))
    return _difference(witness, candidate, every), -10 * math.log10(square)


def masked_batches(rows: list[Inputs]) -> list[Inputs]:
    """Batches of the same rows, of shape (rows, length): of different lengths (all, half, a third
    …) and padded behind, the same padded before, and with holes in the mask."""
    batch = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    mask = batch["attention_mask"]
    kept = mask.sum(axis=1) // np.arange(1, len(rows) + 1)
    behind = batch | {"attention_mask": mask * (np.arange(mask.shape[1]) < kept[:, None])}
    before = {name: array[:, ::-1].copy() for name, array in behind.items()}
    holes = behind["attention_mask"].copy()
    holes[:, 2::3] = 0
    return [behind, before, behind | {"attention_mask": holes}]


def _difference(
    witness: Witness, candidate: OnnxEngine | Witness, group: list[Inputs]
) -> Difference:
    """Outputs where the mask is 1, of a task with outputs by position."""
    expected, found = [], []
    for inputs in group:
        wanted, got = witness.predict(inputs), candidate.predict(inputs)
        attended = inputs["attention_mask"] == 1 if witness.task.per_token else slice(None)
        expected += [wanted[name][attended] for name in wanted]
        found += [got[name][attended] for name in wanted]
    return compare(expected, found)


def taken_by_providers(model: onnx.ModelProto) -> tuple[Taken, ...]:
    """What each provider of a phone takes of a graph, by ONNX Runtime's own checker and its lists
    of operators."""
    from onnxruntime.tools.mobile_helpers.usability_checker import (
        check_coreml_partitions,
        check_nnapi_partitions,
    )

    found = {
        "Core ML": check_coreml_partitions(model, False, "coreml_supported_mlprogram_ops.md"),
        "NNAPI": check_nnapi_partitions(model, False),
    }
    return tuple(
        Taken(
            name,
            int(each.num_supported_nodes),
            int(each.num_nodes),
            int(each.num_partitions),
            tuple(sorted(op.removeprefix("ai.onnx:") for op in each.unsupported_ops)),
        )
        for name, each in found.items()
    )
