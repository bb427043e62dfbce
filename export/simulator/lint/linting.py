"""Run every rule over every function of a package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SimulatorError
from ..program import BUNDLE, AnyModel, load_program, read_object
from ..simulator import Simulator
from ..watching import float_values, shapes_of, takes
from .rule import Finding, Function
from .rules import RULES

Inputs = Mapping[str, np.ndarray]


def lint(
    model: AnyModel,
    inputs: Iterable[Inputs] = (),
    keep: Callable[[str, Mapping[str, float]], None] = lambda function, peaks: None,
) -> list[Finding]:
    """The rules of `RULES` that fire, in their order, for each function of a package.

    Args:
        model: what `Simulator` takes: a ``.mlpackage``, a bundle folder, or an MLModel.
        inputs: real inputs, for the rules about values; each runs in the function that takes its
            shapes, with every float value watched.
        keep: takes each function's name and the greatest magnitude of its values on the inputs.

    Raises:
        SimulatorError: a package that cannot be read or, with inputs, not be simulated; inputs that
            no function takes.
    """
    samples, settings = list(inputs), _settings(model)
    findings, taken = [], not samples
    for name in sorted(load_program(model).spec.mlProgram.functions):
        loaded = load_program(model, name)
        peaks = _peaks(model, name, samples) if samples else None
        taken |= peaks is not None
        keep(name, peaks or {})
        function = Function(loaded.function, loaded.description, settings, peaks or {})
        for rule in RULES:
            places = tuple(dict.fromkeys(rule.places(function)))
            if places:
                findings.append(
                    Finding(
                        rule.number,
                        rule.weight,
                        rule.sentence,
                        rule.report,
                        rule.remedy,
                        name,
                        places,
                    )
                )
    if not taken:
        raise SimulatorError(f"no function takes inputs of {shapes_of(samples[0])}")
    return sorted(findings, key=lambda finding: finding.number)


def _settings(model: AnyModel) -> dict[str, Any]:
    """The model.json in or beside a package; empty where there is none of that package.

    Raises:
        SimulatorError: it is not a file of JSON.
    """
    if not isinstance(model, str | Path):
        return {}
    path = Path(model)
    folder = path if (path / BUNDLE).exists() else path.parent
    if not (folder / BUNDLE).exists():
        return {}
    content = read_object(folder / BUNDLE, folder)
    whole = folder == path or content.get("package") == path.name
    return content if whole else {}


def _peaks(model: AnyModel, name: str, samples: list[Inputs]) -> dict[str, float] | None:
    """Greatest magnitude of every float value, computed in float32, of the samples that fit, None
    where none does. NaN counts as infinite; what is -inf there too comes of a mask or of the
    logarithm of 0, and is no magnitude."""
    loaded = load_program(model, name)
    watched = float_values(loaded.function)
    simulator = Simulator(model, function=name, watch=watched)
    given = [{key: one[key] for key in simulator.inputs if key in one} for one in samples]
    chosen = [one for one in given if takes(simulator, one)]
    peaks: dict[str, float] = {}
    for sample in chosen:
        outputs = simulator.carried(sample)
        for key in watched:
            array = np.asarray(outputs[key], np.float64)
            finite = np.nan_to_num(array, nan=np.inf, posinf=np.inf, neginf=0.0)
            peaks[key] = max(peaks.get(key, 0.0), float(np.abs(finite).max(initial=0.0)))
    return peaks if chosen else None
