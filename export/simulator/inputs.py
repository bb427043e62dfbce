"""Values that go into a model: numbers that its type holds, of a shape that it takes, or an error
of one line. Nothing wraps, is cut or rounded to another number without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import SimulatorError
from .graph import Port, integer_range
from .images import to_array
from .shapes import Allowed, filled, fits, in_words


@dataclass(frozen=True)
class Inputs:
    """What a function takes: the inputs by name, the shapes that its description allows, and the
    colour spaces of those that are images."""

    ports: Mapping[str, Port]
    allowed: Mapping[str, Allowed]
    colour_spaces: Mapping[str, str]

    def checked(self, data: object) -> dict[str, np.ndarray]:
        """The arrays that the graph takes, in the types that carry them.

        Raises:
            SimulatorError: an input that is missing, unknown, no numbers, of a value that its type
                does not hold, or of a shape that the model does not take.
        """
        if not isinstance(data, Mapping):
            raise SimulatorError(
                f"predict takes a dictionary of inputs (or a list of them), not a "
                f"{type(data).__name__}"
            )
        for name in data:
            if name not in self.ports:
                raise SimulatorError(f"no input {name!r}; the inputs are {', '.join(self.ports)}")
        return {name: self._checked(name, port, data) for name, port in self.ports.items()}

    def _checked(self, name: str, port: Port, data: Mapping[str, object]) -> np.ndarray:
        rule = self.allowed.get(name, Allowed())
        if name in data:
            value = numbers(to_array(data[name], self.colour_spaces.get(name, ""), name), name)
        elif rule.default is not None:
            value = filled(rule)
        else:
            raise SimulatorError(f"input {name!r} is missing")
        array = carried(value, port.kind, name)
        if array.ndim == 1 and array.size == 1 and not port.shape:
            array = array.reshape(())
        if not fits(array.shape, port.shape):
            wanted = in_words(port.shape, rule)
            raise SimulatorError(f"input {name!r} is {array.shape}; the model takes {wanted}")
        if reason := rule.refusal(array.shape):
            raise SimulatorError(f"input {name!r}: {reason}")
        return array


def numbers(value: object, name: str) -> np.ndarray:
    """An array of real numbers or booleans.

    Raises:
        SimulatorError: masked values, what is not an array, or text, objects or complex numbers.
    """
    if np.ma.is_masked(value):
        raise SimulatorError(f"input {name!r} has masked values, which the model cannot know")
    try:
        array = np.asarray(value)
    except Exception as error:  # an array of another library, or a list of unequal rows
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SimulatorError(f"input {name!r} is not an array ({reason})") from None
    if array.dtype.kind not in "biuf":
        raise SimulatorError(f"input {name!r} holds {_kind(array)}, not numbers")
    return array


def _kind(array: np.ndarray) -> str:
    return {"O": "objects", "U": "text", "S": "text", "c": "complex numbers"}.get(
        array.dtype.kind, str(array.dtype)
    )


def carried(array: np.ndarray, kind: str, name: str) -> np.ndarray:
    """Numbers in the type that carries a MIL type through the graph.

    Raises:
        SimulatorError: a number that the type does not hold.
    """
    if kind.startswith("float"):
        return _floats(array, kind, name)
    if kind == "bool":
        return _of(array, np.isin(array, (0, 1)), bool, kind, name)
    low, high = integer_range(kind)
    with np.errstate(invalid="ignore"):
        whole = np.isfinite(array) & (array >= low) & (array <= high)
        if array.dtype.kind == "f":
            whole &= array == np.floor(array)
    return _of(array, whole, np.int32, kind, name)


def _floats(array: np.ndarray, kind: str, name: str) -> np.ndarray:
    """Fractions are rounded to single precision, and later to ``kind``, as they must be; whole
    numbers of integer arrays are ids or counts, and stay what they are."""
    with np.errstate(over="ignore"):
        floats = array.astype(np.float16 if kind == "float16" else np.float32)
    if array.dtype.kind == "f":
        held = np.isfinite(floats) | ~np.isfinite(array)
    else:
        held = floats.astype(np.float64) == array
    return _of(array, held, np.float32, kind, name)


def _of(
    array: np.ndarray, good: np.ndarray, dtype: npt.DTypeLike, kind: str, name: str
) -> np.ndarray:
    if not np.all(good):
        value = array[~good].reshape(-1)[0] if array.ndim else array
        raise SimulatorError(f"input {name!r} holds {value}, which {kind} does not hold")
    return array.astype(dtype)
