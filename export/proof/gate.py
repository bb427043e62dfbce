"""Whether a package is good: its error against the one that PyTorch itself makes at its precision.

Decibels over a handful of logits say little: a head of one output has a scale of its own, and no
fixed figure knows it. Here the error, the root of the mean square over all outputs, may be a small
multiple of what the witness is off when it computes at the package's precision on the same inputs,
plus one step of half precision of the outputs' own size; and in half precision the decisions may
differ no more often than those of PyTorch's own half precision do. Fewer bits add their error to
that of half precision, in which such a package computes too: where most of its matrices are too
small to be rounded, half precision is all that it is off.

With weights in fewer bits that bound is wide. There the package is also held to the witness that
computes with the very weights of the package, at the error of half precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from distill.console.errors import UserError
from distill.console.tables import Pair
from distill.tasks.spaced_items import spaced
from export.bundle.compress import COMPRESSIONS
from export.proof.differences import compare_outputs
from export.proof.rounding import half_outputs, rounded_outputs
from export.proof.witness import Witness
from export.tasks.model_inputs import Inputs
from export.tasks.task import AnyTask, Outputs

FACTOR = 4.0
FLOOR = 2.0**-10
"""One step of half precision, relative to the outputs."""
PEER_INPUTS = 8
FEW_DECISIONS = 0.01


@dataclass(frozen=True)
class Proof:
    """What a comparison with the witness found. ``error``, ``pytorch_error`` and ``bound`` are in
    the unit of the outputs; ``psnr`` in dB; ``decisions`` the share of equal ones, or None where
    the task decides nothing; ``unread``: stored weights that the task has no use for.
    ``stored_error`` and ``stored_bound`` are against the witness with the weights that the package
    holds; None where they are whole, or were not read back."""

    witness: str
    texts: int
    inputs: int
    error: float
    pytorch_error: float
    bound: float
    decisions: float | None
    decisions_bound: float | None
    max_abs: float
    mean_abs: float
    psnr: float
    overflow: bool
    unread: tuple[str, ...] = ()
    stored_error: float | None = None
    stored_bound: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the package is within tolerance."""
        if self.overflow or not self.error <= self.bound or self.computes_otherwise:
            return False
        return self.decisions_bound is None or (self.decisions or 0) >= self.decisions_bound

    @property
    def computes_otherwise(self) -> bool:
        """Whether the package gives something else than the witness gives with its weights."""
        return self.stored_error is not None and not self.stored_error <= (self.stored_bound or 0)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "passed": self.passed, "verdict": self.sentence()}

    def rows(self, engine: str) -> list[Pair]:
        """Rows of a table; ``engine`` is what ran the package, in words."""
        texts = f", {self.texts} texts read alike" if self.texts else ""
        compared = f"{self.inputs} inputs{texts}"
        found = [
            (f"against {self.witness}", f"{compared} (run in {engine})"),
            (
                "error",
                f"{self.error:.2g}, bound {self.bound:.2g} (PyTorch itself is off by "
                f"{self.pytorch_error:.2g} at this precision)",
            ),
            ("PSNR", f"{self.psnr:.1f} dB, largest difference {self.max_abs:.2g}"),
        ]
        if self.stored_error is not None:
            stored = f"error {self.stored_error:.2g}, bound {self.stored_bound:.2g}"
            found.insert(2, ("with the weights it stores", stored))
        if self.decisions is not None:
            least = f", at least {self.decisions_bound:.1%}" if self.decisions_bound else ""
            found.append(("same decisions", f"{self.decisions:.1%}{least}"))
        if self.unread:
            found.append(("stored, of no use here", ", ".join(self.unread)))
        return found

    def sentence(self) -> str:
        """The verdict, in one sentence."""
        if self.overflow:
            return "Not within tolerance: the package overflows in half precision."
        error = f"its error is {self.error:.2g}, the bound {self.bound:.2g}"
        if not self.error <= self.bound:
            return f"Not within tolerance of {self.witness}: {error}."
        if self.computes_otherwise:
            return (
                f"Not within tolerance of {self.witness} with the weights it stores: the "
                f"error is {self.stored_error:.2g}, the bound {self.stored_bound:.2g}; a weight "
                "is not in its place, or an operation is wrong."
            )
        if not self.passed:
            return (
                f"Not within tolerance of {self.witness}: {self.decisions:.1%} of its decisions "
                f"are the same, at least {self.decisions_bound:.1%} must be."
            )
        return f"Within tolerance of {self.witness}: {error}."


def prove(
    witness: Witness,
    quantize: str,
    inputs: Sequence[Inputs],
    expected: Sequence[Outputs],
    found: Sequence[Outputs],
    texts: int,
    formats: Mapping[str, str] | None = None,
    stored: Witness | None = None,
) -> Proof:
    """Judge outputs of a package, ``found``, by those of the witness, both cut to the tokens.

    Args:
        formats: of mixed bits: tensor of the checkpoint -> its quantization.
        stored: the witness with the weights that the package holds, where they are in fewer bits.
    """
    task, difference = witness.task, compare_outputs(expected, found)
    chosen = spaced(range(len(inputs)), PEER_INPUTS)
    # What PyTorch is off by does not hang on the padding, and takes a fraction of the time.
    short = [_without_padding(inputs[i]) for i in chosen]
    wanted = [witness.predict(each) for each in short]
    peers = rounded_outputs(witness, quantize, short, formats)
    square = float(np.mean([_square(wanted, peer) for peer in peers]))
    decisions, decisions_bound = _agreement(task, expected, found), None
    if decisions is not None and COMPRESSIONS[quantize].kind == "float":
        of_peer = _agreement(task, wanted, peers[0]) or 0.0
        count = max(sum(len(_decided(task, row)) for row in expected), 1)
        decisions_bound = 1 - 2 * (1 - of_peer) - max(FEW_DECISIONS, 1.5 / count)
    stored_error, stored_bound = None, None
    if COMPRESSIONS[quantize].kind != "float":
        half_error = _half_error(stored or witness, quantize, short)
        square += half_error**2
        if stored is not None:
            stored_outputs = [cut(stored.predict(inputs[i]), inputs[i], task) for i in chosen]
            stored_error = float(np.sqrt(_square(stored_outputs, [found[i] for i in chosen])))
            stored_bound = _bound(half_error, stored_outputs)
    pytorch_error = float(np.sqrt(square))
    return Proof(
        witness=witness.name,
        texts=texts,
        inputs=len(inputs),
        error=float(np.sqrt(_square(expected, found))),
        pytorch_error=pytorch_error,
        bound=_bound(pytorch_error, expected),
        decisions=decisions,
        decisions_bound=decisions_bound,
        stored_error=stored_error,
        stored_bound=stored_bound,
        unread=witness.unread,
        **asdict(difference),
    )


def _bound(error: float, outputs: Sequence[Outputs]) -> float:
    return FACTOR * error + FLOOR * float(np.sqrt(np.mean(np.square(_flat(outputs)))))


def _half_error(witness: Witness, quantize: str, inputs: Sequence[Inputs]) -> float:
    """The error of a witness in half precision, with the activations of a quantization."""
    wanted = [witness.predict(each) for each in inputs]
    return float(np.sqrt(_square(wanted, half_outputs(witness, quantize, inputs))))


def _without_padding(inputs: Inputs) -> Inputs:
    tokens = int(inputs["attention_mask"].sum())
    return {name: value[:, :tokens] for name, value in inputs.items()}


def refuse(proof: Proof) -> None:
    """Raises:
    UserError: the package is not within tolerance.
    """
    if proof.overflow:
        raise UserError(
            "the package overflows in half precision; --no-verify keeps it, and export.diagnose "
            "then names the operation"
        )
    if not proof.passed:
        raise UserError(f"the package differs. {proof.sentence()} --no-verify keeps it")


def cut(outputs: Outputs, inputs: Inputs, task: AnyTask) -> Outputs:
    """Outputs without their padding, where a task has one value or more for each position."""
    if not task.per_token:
        return outputs
    tokens = int(inputs["attention_mask"].sum())
    return {name: value[:, :tokens] for name, value in outputs.items()}


def _flat(rows: Sequence[Outputs]) -> np.ndarray:
    return np.concatenate(
        [np.ravel(value).astype(np.float64) for r in rows for value in r.values()]
    )


def _square(expected: Sequence[Outputs], found: Sequence[Outputs]) -> float:
    """The mean square of the error; of PyTorch's own half precision without what overflows."""
    error = np.square(_flat(expected) - _flat(found))
    finite = error[np.isfinite(error)]
    return float(finite.mean()) if len(finite) else 0.0


def _decided(task: AnyTask, outputs: Outputs) -> np.ndarray:
    decided = task.decide(outputs)
    return (
        np.array([])
        if decided is None
        else np.concatenate([np.asarray(d).ravel() for d in decided])
    )


def _agreement(
    task: AnyTask, expected: Sequence[Outputs], found: Sequence[Outputs]
) -> float | None:
    same = [_decided(task, w) == _decided(task, g) for w, g in zip(expected, found, strict=True)]
    joined = np.concatenate(same) if same else np.array([])
    return float(joined.mean()) if len(joined) else None
