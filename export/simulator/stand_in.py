"""The simulator in the place of Core ML: what an MLModel of coremltools answers on a Mac alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .simulator import Simulator
from .state import State

SIMULATOR = "_coreml_simulator"


def simulator_of(mlmodel: Any, precision: str = "float32") -> Simulator:
    """The simulator of a ``coremltools.models.MLModel``, made at its first use."""
    made: Simulator | None = mlmodel.__dict__.get(SIMULATOR)
    if made is None or made.precision != precision:
        made = Simulator(mlmodel, precision)
        setattr(mlmodel, SIMULATOR, made)
    return made


def replacements(precision: str = "float32") -> dict[str, Callable[..., Any]]:
    """Methods to put in the place of MLModel's, by their names."""

    def predict(mlmodel: Any, data: Any, state: State | None = None) -> Any:
        return simulator_of(mlmodel, precision).predict(data, state)

    def make_state(mlmodel: Any) -> State:
        return simulator_of(mlmodel, precision).make_state()

    return {"predict": predict, "make_state": make_state}
