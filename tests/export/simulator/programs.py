"""Small ML Programs, made by coremltools' own builder and run in the simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from export.bundle.quiet import quiet
from export.simulator import Simulator

Build = Callable[..., Any]


def convert(build: Build, specs: list[Any], precision: str = "float32", **options: Any) -> Any:
    """The model of a program whose inputs are ``specs``, for iOS17 where nothing else is said."""
    target = options.pop("target", ct.target.iOS17)
    with quiet():
        program = mb.program(input_specs=specs, opset_version=target)(build)
        return ct.convert(
            program,
            convert_to="mlprogram",
            minimum_deployment_target=target,
            compute_precision=getattr(ct.precision, precision.upper()),
            skip_model_load=True,
            **options,
        )


def outputs(
    build: Build, precision: str = "float32", target: Any = ct.target.iOS17, **inputs: np.ndarray
) -> list[np.ndarray]:
    """What the program gives for ``inputs``, in the order of its outputs."""
    kinds = {np.dtype(np.int32): types.int32}
    specs = [
        mb.TensorSpec(shape=array.shape, dtype=kinds.get(array.dtype, types.fp32))
        for array in inputs.values()
    ]
    simulator = Simulator(convert(build, specs, precision, target=target), precision=precision)
    found = simulator.predict(dict(zip(simulator.inputs, inputs.values(), strict=True)))
    return [found[var.name] for var in simulator.outputs]


def simulate(build: Build, precision: str = "float32", **inputs: np.ndarray) -> np.ndarray:
    """The one output of a program."""
    (result,) = outputs(build, precision, **inputs)
    return result
