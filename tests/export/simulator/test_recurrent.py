"""Recurrent layers in half precision, with a packed sequence, and step by step."""

from __future__ import annotations

import itertools
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from export.bundle.quiet import quiet
from export.simulator import Simulator
from export.simulator.graph import mil_type
from tests.export.simulator.programs import convert, outputs

STEPS, BATCH, WIDTH, SIZE = 12, 2, 4, 5


class Packed(torch.nn.Module):
    def __init__(self, pack_first: bool, pad_first: bool, layer_first: bool) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 6, batch_first=layer_first)
        self.pack_first, self.pad_first = pack_first, pad_first

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=self.pack_first)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=self.pad_first)[0]


@pytest.mark.parametrize("order", list(itertools.product([True, False], repeat=3)))
def test_an_lstm_of_a_packed_sequence_equals_torch(order: tuple[bool, bool, bool]) -> None:
    """coremltools gives its initial state the greatest length for the batch."""
    torch.manual_seed(0)
    model = Packed(*order).eval()
    x = torch.randn(*((3, 10, 4) if order[0] else (10, 3, 4)))
    lengths = torch.tensor([10, 5, 1], dtype=torch.int32)
    with quiet(), torch.no_grad():
        package = ct.convert(
            torch.jit.trace(model, (x, lengths), check_trace=False),
            inputs=[
                ct.TensorType(name="x", shape=x.shape),
                ct.TensorType(name="lengths", shape=(3,), dtype=np.int32),
            ],
            outputs=[ct.TensorType(name="y")],
            minimum_deployment_target=ct.target.iOS15,
            skip_model_load=True,
        )
        expected = model(x, lengths).numpy()
    found = Simulator(package).predict({"x": x.numpy(), "lengths": lengths.numpy()})["y"]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(("layers", "directions"), [(1, 2), (2, 1)])
def test_a_packed_sequence_of_two_layers_or_directions(layers: int, directions: int) -> None:
    """The initial states are parts of one value. What coremltools makes of it runs over the padding
    too, and sets it to 0 at the end."""
    torch.manual_seed(0)
    model = Packed(True, True, True).eval()
    model.lstm = torch.nn.LSTM(
        4, 6, num_layers=layers, bidirectional=directions == 2, batch_first=True
    )
    x, lengths = torch.randn(3, 10, 4), torch.tensor([10, 5, 1], dtype=torch.int32)
    with quiet(), torch.no_grad():
        package = ct.convert(
            torch.jit.trace(model, (x, lengths), check_trace=False),
            inputs=[
                ct.TensorType(name="x", shape=x.shape),
                ct.TensorType(name="lengths", shape=(3,), dtype=np.int32),
            ],
            outputs=[ct.TensorType(name="y")],
            minimum_deployment_target=ct.target.iOS15,
            skip_model_load=True,
        )
        expected = model.lstm(x)[0] * (torch.arange(10) < lengths[:, None])[..., None]
    for precision in ("float32", "float16"):
        simulator = Simulator(package, precision)
        (found,) = simulator.predict({"x": x.numpy(), "lengths": lengths.numpy()}).values()
        np.testing.assert_allclose(found, expected.numpy(), atol=2e-3)


def weights(gates: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {"weight_ih": (gates * SIZE, WIDTH), "weight_hh": (gates * SIZE, SIZE)}
    shapes["bias"] = (gates * SIZE,)
    return {name: random.normal(size=s).astype(np.float32) for name, s in shapes.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(x: np.ndarray, states: list[np.ndarray], w: dict[str, np.ndarray]) -> list[np.ndarray]:
    hidden, cell = states
    total = x @ w["weight_ih"].T + hidden @ w["weight_hh"].T + w["bias"]
    enter, forget, leave, new = np.split(total, 4, axis=1)
    cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
    return [sigmoid(leave) * np.tanh(cell), cell]


def gru(x: np.ndarray, states: list[np.ndarray], w: dict[str, np.ndarray]) -> list[np.ndarray]:
    (hidden,) = states
    of_x = np.split(x @ w["weight_ih"].T + w["bias"], 3, axis=1)
    reset_w, new_w, update_w = np.split(w["weight_hh"], 3)
    reset = sigmoid(of_x[0] + hidden @ reset_w.T)
    update = sigmoid(of_x[2] + hidden @ update_w.T)
    new = np.tanh(of_x[1] + (reset * hidden) @ new_w.T)
    return [update * hidden + (1 - update) * new]


def rnn(x: np.ndarray, states: list[np.ndarray], w: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [np.tanh(x @ w["weight_ih"].T + states[0] @ w["weight_hh"].T + w["bias"])]


@pytest.mark.parametrize(("kind", "gates", "states"), [(lstm, 4, 2), (gru, 3, 1), (rnn, 1, 1)])
def test_states_are_rounded_at_every_step(kind: Any, gates: int, states: int) -> None:
    """As a loop in NumPy that rounds them, bit for bit but for one step of half precision."""
    given = weights(gates)
    x = np.random.default_rng(1).normal(size=(STEPS, BATCH, WIDTH)).astype(np.float32)
    zero = np.zeros((BATCH, SIZE), np.float32)
    starts = {"initial_h": zero} | ({"initial_c": zero} if states == 2 else {})

    def build(x: Any) -> Any:
        layer = getattr(mb, kind.__name__)
        return mb.identity(x=layer(x=x, **starts, **given, output_sequence=True)[0])

    model = convert(build, [mb.TensorSpec(shape=x.shape)], "float16")
    function = model._mil_program.functions["main"]
    (layer,) = function.find_ops(op_type=kind.__name__)
    assert mil_type(layer.outputs[0]) == "float16"
    half = {name: value.astype(np.float16).astype(np.float32) for name, value in given.items()}

    def run(rounded: bool) -> np.ndarray:
        state, steps = [zero] * states, []
        for step in x.astype(np.float16).astype(np.float32):
            state = kind(step, state, half)
            if rounded:
                state = [s.astype(np.float16).astype(np.float32) for s in state]
            steps.append(state[0])
        return np.stack(steps)

    (found,) = Simulator(model, "float16").predict({"x": x}).values()
    (whole,) = Simulator(model, "float32").predict({"x": x}).values()
    np.testing.assert_allclose(found.astype(np.float32), run(True), atol=1e-3)
    assert np.mean(found.astype(np.float16) == run(True).astype(np.float16)) > 0.95
    np.testing.assert_allclose(whole.astype(np.float32), run(False), atol=1e-3)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_gru_that_resets_after_the_product_equals_torch(precision: str, direction: str) -> None:
    """What PyTorch calls a GRU, with a bias of the input and one of the state (iOS18)."""
    torch.manual_seed(0)
    layer = torch.nn.GRU(WIDTH, SIZE).eval()
    order = torch.tensor([0, 2, 1])  # PyTorch: reset, update, new; MIL: reset, new, update
    names = {"weight_ih": "weight_ih_l0", "weight_hh": "weight_hh_l0"}
    names |= {"input_bias": "bias_ih_l0", "bias": "bias_hh_l0"}
    given = {
        name: getattr(layer, theirs).detach().unflatten(0, (3, SIZE))[order].flatten(0, 1).numpy()
        for name, theirs in names.items()
    }
    x, start = torch.randn(STEPS, BATCH, WIDTH), torch.randn(1, BATCH, SIZE)
    with torch.no_grad():
        expected, last = layer(x.flip(0) if direction == "reverse" else x, start)

    def build(x: Any) -> Any:
        return mb.gru(
            x=x,
            initial_h=start[0].numpy(),
            output_sequence=True,
            reset_after=True,
            direction=direction,
            **given,
        )

    steps, state = outputs(build, precision, target=ct.target.iOS18, x=x.numpy())
    tolerance = 1e-5 if precision == "float32" else 5e-3
    np.testing.assert_allclose(steps, expected.numpy(), atol=tolerance)
    np.testing.assert_allclose(state, last[0].numpy(), atol=tolerance)
