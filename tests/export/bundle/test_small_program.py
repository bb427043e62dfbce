"""A program in fewer bytes computes what it computed, under the names of its inputs and outputs."""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb

from export.bundle.ml_program import model_of
from export.bundle.quiet import quiet
from export.bundle.small_program import make_small
from export.simulator import Simulator
from tests.export.simulator.programs import convert

SWAP = 3 * np.eye(4, dtype=np.float32)[::-1]
BIAS = np.array([0.5, -0.5, 1.5, 0.0], np.float32)


def build(x: Any) -> Any:
    for number in range(2):
        x = mb.gelu(x=x, mode="EXACT", name=f"gelu_{number}")
        x = mb.transpose(x=x, perm=[1, 0], name=f"turned_{number}")
        bias = mb.const(val=BIAS + number, name=f"layer_{number}_bias")
        x = mb.linear(x=x, weight=SWAP, bias=bias, name=f"linear_{number}")
        x = mb.mul(x=x, y=np.float32(-0.0 if number else 0.25))
        x = mb.sub(x=x, y=np.float32(0.0), name=f"less_{number}")
    return x


def test_a_small_program_computes_what_it_computed() -> None:
    model = convert(build, [mb.TensorSpec((4, 4))], "float16", target=ct.target.iOS18)
    inputs = {"x": np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)}
    wanted = Simulator(model, "float16").predict(inputs)
    function = model._mil_program.functions["main"]
    make_small(function)
    with quiet():
        after = model_of(model._mil_program, model)
    assert after.get_spec().ByteSize() < 0.9 * model.get_spec().ByteSize()
    given = Simulator(after, "float16").predict(inputs)
    assert wanted.keys() == given.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(value, given[name])


def test_settings_stand_once_and_weights_keep_their_names() -> None:
    model = convert(build, [mb.TensorSpec((4, 4))], "float16", target=ct.target.iOS18)
    function = model._mil_program.functions["main"]
    make_small(function)
    constants = [op.outputs[0] for op in function.operations if op.op_type == "const"]
    settings = [var for var in constants if var.name.startswith("const_")]
    contents = [(str(var.dtype), repr(var.val)) for var in settings]
    assert len(contents) == len({*contents})
    assert {"layer_0_bias", "layer_1_bias"} <= {var.name for var in constants}
    assert {"linear_0", "gelu_1"} <= {op.name for op in function.operations}
