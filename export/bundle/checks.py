"""The checks of a bundle: what its package gave for a few short inputs, in the simulator at half
precision, kept in model.json. An app compares them at its first load, `export.verify` whenever it
is asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from export.bundle.settings_kinds import is_number
from export.tasks.model_inputs import Inputs
from export.tasks.task import Outputs, Run

MOST = 3
MOST_VALUES = 256
"""Of an output: a row of a vocabulary or of hidden states would fill a file of megabytes."""
MOST_BYTES = 36_000
"""Of all checks; what is longer (inputs of thousands of tokens) is left out."""
TOLERANCE = 0.05
"""Of the largest number of a check. Half precision elsewhere is off by a tenth of it; another
package, function or tokenizer by many times it."""


@dataclass(frozen=True)
class Check:
    """``inputs`` by name, each of ``length`` ids; ``outputs`` by name, the first values of each in
    the order of memory, without padding."""

    length: int
    inputs: dict[str, list[int]]
    outputs: dict[str, list[float]]

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def arrays(self) -> Inputs:
        """The inputs of shape (1, length)."""
        return {name: np.array([ids], np.int32) for name, ids in self.inputs.items()}

    def difference(self, outputs: Outputs) -> float:
        """The largest difference of ``outputs`` from the kept ones, as a share of the largest
        number; infinite where an output is missing or shorter."""
        largest = max(abs(value) for values in self.outputs.values() for value in values)
        differences = []
        for name, values in self.outputs.items():
            found = np.ravel(outputs.get(name, np.zeros(0))).astype(np.float64)[: len(values)]
            if len(found) < len(values) or not np.isfinite(found).all():
                return math.inf
            differences.append(float(np.abs(found - np.array(values)).max()))
        return max(differences) / (largest or 1.0)


def make_checks(
    inputs: Sequence[Inputs], outputs: Sequence[Outputs], names: Sequence[str], shortest: int
) -> list[dict[str, object]]:
    """Up to `MOST` checks of the shortest, a middle and the longest input of ``shortest`` tokens,
    as model.json has them.

    Args:
        inputs: what the package was run on.
        outputs: what it gave in half precision, without padding.
        names: the inputs that the package takes.
        shortest: the smallest length of the package.
    """
    fitting = [i for i, data in enumerate(inputs) if data["input_ids"].shape[1] == shortest]
    fitting.sort(key=lambda i: int(inputs[i]["attention_mask"].sum()))
    places = {round(k * (len(fitting) - 1) / (MOST - 1)) for k in range(MOST)} if fitting else ()
    checks: list[dict[str, object]] = []
    for place in sorted(places):
        data, values = inputs[fitting[place]], outputs[fitting[place]]
        check = Check(
            shortest,
            {name: data[name][0].tolist() for name in names},
            {name: _kept(value) for name, value in values.items()},
        )
        finite = all(math.isfinite(x) for kept in check.outputs.values() for x in kept)
        if finite and len(json.dumps([*checks, check.as_json()])) <= MOST_BYTES:
            checks.append(check.as_json())
    return checks


def _kept(output: np.ndarray) -> list[float]:
    """Half precision has three to four digits."""
    return [float(f"{value:.5g}") for value in np.ravel(output)[:MOST_VALUES].tolist()]


def read_checks(settings: Mapping[str, Any]) -> list[Check]:
    """The checks of a model.json.

    Raises:
        ValueError, KeyError, TypeError: they are not what an export writes.
    """
    checks = [Check(each["length"], each["inputs"], each["outputs"]) for each in settings["checks"]]
    for check in checks:
        if not (isinstance(check.inputs, dict) and isinstance(check.outputs, dict)):
            raise ValueError("a check without inputs or outputs by name")
        if check.length not in settings["lengths"]:
            raise ValueError(f"a check of length {check.length!r} (expected one of the lengths)")
        if set(check.inputs) != set(settings["inputs"]):
            raise ValueError(f"a check of the inputs {', '.join(check.inputs)}")
        for name, ids in check.inputs.items():
            if len(ids) != check.length or not all(type(i) is int and 0 <= i < 2**31 for i in ids):
                raise ValueError(f"a check whose {name} are not {check.length} ids")
        if not check.outputs or set(check.outputs) - set(settings["outputs"]):
            raise ValueError(f"a check of the outputs {', '.join(check.outputs)}")
        for name, values in check.outputs.items():
            if not values or not all(map(is_number, values)):
                raise ValueError(f"a check whose {name} are not numbers")
    return checks


@dataclass(frozen=True)
class ChecksRun:
    """How many checks of a model.json were run again, and the largest relative difference."""

    count: int
    difference: float

    @property
    def passed(self) -> bool:
        """Whether the largest difference is within `TOLERANCE`."""
        return self.difference <= TOLERANCE

    def as_json(self) -> dict[str, object]:
        return {
            "checks": self.count,
            "checks_difference": self.difference,
            "checks_passed": self.passed,
        }


def run_checks(settings: Mapping[str, object], run: Run) -> ChecksRun | None:
    """Run the checks of a model.json again; None where there are none."""
    checks = read_checks(settings)
    if not checks:
        return None
    return ChecksRun(len(checks), max(check.difference(run(check.arrays())) for check in checks))
