"""What a stateful model (iOS18) keeps from one prediction to the next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .errors import SimulatorError
from .graph import Port
from .inputs import carried, numbers


class State(dict[str, np.ndarray]):
    """Arrays by name, as ``coremltools.models.model.MLState`` reads and writes them."""

    def read_state(self, name: str) -> np.ndarray:
        """A copy of a state.

        Raises:
            SimulatorError: no state of that name.
        """
        return self._known(name).copy()

    def write_state(self, name: str, value: np.ndarray) -> None:
        """Replace a state by a value of its shape.

        Raises:
            SimulatorError: no state of that name, or a value of another shape.
        """
        array = carried(numbers(value, name), "float32", name)
        if array.shape != self._known(name).shape:
            raise SimulatorError(f"state {name!r} is {self[name].shape}; given {array.shape}")
        self[name] = array

    def _known(self, name: str) -> np.ndarray:
        if name not in self:
            raise SimulatorError(f"no state {name!r}; the states are {', '.join(self) or 'none'}")
        return self[name]


def fresh(ports: Mapping[str, Port]) -> State:
    """Zeros for every state."""
    sizes = {name: [int(size) for size in port.shape] for name, port in ports.items()}
    return State({name: np.zeros(shape, np.float32) for name, shape in sizes.items()})


def checked(state: Mapping[str, np.ndarray], ports: Mapping[str, Port]) -> dict[str, np.ndarray]:
    """The states that a prediction starts from.

    Raises:
        SimulatorError: other states than the model has, or of another shape.
    """
    if not isinstance(state, Mapping) or state.keys() != ports.keys():
        raise SimulatorError("the state is not of this model; make_state gives one")
    for name, port in ports.items():
        if np.shape(state[name]) != port.shape:
            raise SimulatorError(
                f"state {name!r} is {np.shape(state[name])}; the model has {port.shape}"
            )
    return dict(state)
