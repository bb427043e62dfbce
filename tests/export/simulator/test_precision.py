"""Half precision against a reference that rounds in NumPy, on the shipped model's real weights.

Every operation is computed again by NumPy from the values that the simulator gave it, so that one
wrong rounding is seen where it is made.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from distill.models.safe_tokenizer import tokenizer_from
from export.bundle.convert import convert
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder
from export.proof.differences import psnr
from export.simulator import Simulator
from export.simulator.constants import stored
from export.simulator.graph import mil_type
from export.simulator.program import load_program
from export.tasks.model_inputs import encode, take

LENGTH = 32
TASK = "qa"


def layer_norm(op: Any, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + float(op.epsilon.val))
    return centred / spread * gamma + beta


def softmax(op: Any, x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(int(op.axis.val), keepdims=True))
    return powers / powers.sum(int(op.axis.val), keepdims=True)


def matmul(op: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x = x.swapaxes(-1, -2) if op.transpose_x.val else x
    return x @ (y.swapaxes(-1, -2) if op.transpose_y.val else y)


REFERENCE = {
    "add": (("x", "y"), lambda op, x, y: x + y),
    "gather": (("x", "indices"), lambda op, x, i: np.take(x, i, int(op.axis.val))),
    "gelu": (("x",), lambda op, x: x * 0.5 * (1 + erf(x / math.sqrt(2)))),
    "layer_norm": (("x", "gamma", "beta"), layer_norm),
    "linear": (("x", "weight", "bias"), lambda op, x, w, b: x @ w.T + b),
    "matmul": (("x", "y"), matmul),
    "mul": (("x", "y"), lambda op, x, y: x * y),
    "softmax": (("x",), softmax),
    "sub": (("x", "y"), lambda op, x, y: x - y),
}
MOVES = {"cast", "expand_dims", "reshape", "select", "slice_by_index", "squeeze", "transpose"}
"""Operations that compute nothing new; `cast` is seen by those that take its result."""


@pytest.fixture(scope="module")
def model() -> Any:
    checkpoint = load_checkpoint("qa-mini")
    return convert(build_encoder(checkpoint, TASK), checkpoint, TASK, (LENGTH,), "iOS17", "fixed")


@pytest.fixture(scope="module")
def inputs(qa_examples: list[dict[str, str]]) -> dict[str, np.ndarray]:
    directory = load_checkpoint("qa-mini").tokenizer_directory
    assert directory is not None
    tokenizer = tokenizer_from(directory / "tokenizer.json")
    example = qa_examples[0]
    (coded,) = encode(tokenizer, [(example["question"], example["passage"])], (LENGTH,))
    return coded


@pytest.fixture(scope="module")
def operations(model: Any) -> list[Any]:
    return [
        op
        for op in load_program(model).function.operations
        if op.op_type != "const" and mil_type(op.outputs[0]).startswith("float")
    ]


def shares_as_rounded(
    precision: str, model: Any, inputs: dict[str, np.ndarray], operations: list[Any]
) -> dict[str, float]:
    """By operation the share of its elements that equal NumPy's to the last bit; every element is
    within one step of half precision, and the error of a sum in another order."""
    names = {var.name for op in operations for var in (*op.outputs, *_inputs(op))}
    simulator = Simulator(model, precision, watch=names)
    found = simulator.predict(take(inputs, simulator.inputs))

    def value(var: Any) -> np.ndarray:
        constant = stored(var)
        array = found[var.name] if constant is None else constant
        return array if np.issubdtype(array.dtype, np.integer) else array.astype(np.float32)

    shares = {}
    for op in operations:
        if op.op_type in MOVES:
            continue
        names_in, compute = REFERENCE[op.op_type]
        wanted = compute(op, *(value(getattr(op, name)) for name in names_in)).astype(np.float16)
        got = found[op.outputs[0].name]
        shares[op.name] = float(np.mean(got == wanted))
        if precision == "float16":
            error = np.abs(got.astype(np.float32) - wanted.astype(np.float32))
            slack = np.abs(np.spacing(wanted)).astype(np.float32) + 5e-5 * np.abs(wanted).max()
            assert (error <= slack).all(), op.name
    return shares


def test_every_operation_as_numpy_rounds(
    model: Any, inputs: dict[str, np.ndarray], operations: list[Any]
) -> None:
    shares = shares_as_rounded("float16", model, inputs, operations)
    assert len(shares) > 40
    assert min(shares.values()) > 0.98, shares
    assert min(shares_as_rounded("float32", model, inputs, operations).values()) < 0.9


def test_half_precision_beside_whole(model: Any, inputs: dict[str, np.ndarray]) -> None:
    """Rounding shows, and stays small: between 40 and 100 dB apart."""
    found = [
        np.concatenate(list(simulator.predict(take(inputs, simulator.inputs)).values()))
        for simulator in (Simulator(model, "float32"), Simulator(model, "float16"))
    ]
    assert 40 < psnr(*found) < 100


def _inputs(op: Any) -> list[Any]:
    names = REFERENCE[op.op_type][0] if op.op_type in REFERENCE else ()
    return [var for name in names if stored(var := getattr(op, name)) is None]
