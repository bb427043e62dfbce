"""How far weights may shrink: the smallest package of a path whose quality on data is in budget.

Palettes are fitted to the data first. The quality of a package on the path is that of PyTorch with
the weights that the package would hold; the one that is chosen is measured again in the simulator,
and given up for the one before it on the path where it is past the budget there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from distill.tasks.spaced_items import spaced
from export.bundle.bundle_folder import directory_size
from export.bundle.compensated import compensated_palettes
from export.bundle.compress import matching
from export.bundle.mixed_bits import (
    HALF,
    Choice,
    Sizes,
    compress_by_choice,
    constants_by_weight,
    errors_alone,
    formats_for,
    path,
    sizes_of,
    smallest_bytes,
    spend,
    stored_as,
    stored_weights,
    weight_bytes,
)
from export.encoder.task_model import TaskModel
from export.proof.budget import Budget, check_measure, check_smallest, first_within
from export.proof.side_by_side import run_engine
from export.simulator import Simulator
from export.tasks.model_inputs import Inputs
from export.tasks.task import AnyTask, Outputs, Workload

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from export.proof.package_runners import Engine

SENSITIVITY_INPUTS = 64
"""Inputs that the error of each weight alone is estimated on."""
FITTING_INPUTS = 192
"""Inputs that palettes are fitted to."""
OPERATION_BYTES = 200
"""What a compressed weight adds to the program of a function: an operation that names its parts."""
CURVE = 8
"""Packages of the path, evenly spread, whose quality is always measured."""


@dataclass(frozen=True)
class Point:
    """A package of the path: its formats, its bytes as they are estimated, and its measures."""

    choice: Choice
    package_bytes: int
    measures: dict[str, float]


@dataclass(frozen=True)
class Chosen:
    """The compressed program; ``formats``: each weight's format, in the model's order; ``curve``:
    what was measured on the path, the largest first; ``measures``: those of the chosen package in
    the simulator."""

    core_ml: MLModel
    budget: Budget
    examples: int
    formats: dict[str, str]
    curve: list[Point]
    measures: dict[str, float]

    def counted(self, point: Point) -> dict[str, int]:
        """How many weights a package of the path has in each format, most first."""
        formats = Counter(point.choice.get(weight, HALF) for weight in self.formats)
        return dict(formats.most_common())

    def took(self, point: Point) -> bool:
        """Whether a package of the path is the chosen one."""
        return all(point.choice.get(weight, HALF) == q for weight, q in self.formats.items())

    def as_json(self) -> dict[str, object]:
        curve = [
            {
                "package_bytes": point.package_bytes,
                **point.measures,
                "weights": self.counted(point),
                "chosen": self.took(point),
            }
            for point in self.curve
        ]
        return {
            "budget": self.budget.words,
            "examples": self.examples,
            "formats": self.formats,
            "curve": curve,
            "simulator": self.measures,
        }


def unpadded(data: Inputs, names: Sequence[str]) -> list[torch.Tensor]:
    """The inputs of our encoder by ``names``, without their padding."""
    tokens = int(data["attention_mask"].sum())
    return [torch.from_numpy(data[name][:, :tokens]) for name in names]


def fitting_inputs(workload: Workload, names: Sequence[str]) -> list[list[torch.Tensor]]:
    """The inputs that palettes are fitted to, spread evenly over a workload."""
    return [unpadded(data, names) for data in spaced(workload.inputs, FITTING_INPUTS)]


class _Model:
    """Our encoder as an engine: inputs without their padding, which PyTorch does not need."""

    def __init__(self, model: TaskModel, task: AnyTask, names: Sequence[str]) -> None:
        self.model, self.task, self.names = model, task, names

    @torch.inference_mode()
    def predict(self, data: Inputs) -> Outputs:
        outputs = self.model(*unpadded(data, self.names))
        return {name: value.numpy() for name, value in zip(self.task.outputs, outputs, strict=True)}


class _Package:
    """A program in the simulator, in half precision."""

    def __init__(self, core_ml: MLModel, names: Sequence[str]) -> None:
        self.simulator, self.names = Simulator(core_ml, precision="float16"), names

    def predict(self, data: Inputs) -> Outputs:
        return dict(self.simulator.predict({name: data[name] for name in self.names}))


def choose_bits(
    core_ml: MLModel,
    model: TaskModel,
    task: AnyTask,
    workload: Workload,
    names: Sequence[str],
    budget: Budget,
    target: str,
    skip: Sequence[str] = (),
    functions: int = 1,
) -> Chosen:
    """Choose the format of every weight of a float Core ML program, and compress it.

    Args:
        model: what ``core_ml`` was converted from, with inputs ``names``.
        workload: the examples that decide.
        skip: parts of names of constants that stay in half precision.
        functions: how many functions of the package will share the weights.

    Raises:
        UserError: a measure that the task does not have on this data, or a size that no package of
            the path has.
    """
    engine = _Model(model, task, names)

    def measure(runner: Engine) -> dict[str, float]:
        return workload.measure(run_engine(workload.inputs, task.name, runner))

    half = measure(engine)
    check_measure(budget, half)
    kept = matching(core_ml, skip)
    constants = {
        weight: constant
        for weight, constant in constants_by_weight(core_ml, model).items()
        if constant not in kept
    }
    stored = stored_weights(core_ml, constants, formats_for(target), target)
    sizes = sizes_of(stored)
    program = _program_bytes(core_ml, sizes, functions)
    check_smallest(budget, program + smallest_bytes(sizes))
    stored = compensated_palettes(model, stored, fitting_inputs(workload, names))
    few = [unpadded(data, names) for data in spaced(workload.inputs, SENSITIVITY_INPUTS)]
    errors = errors_alone(model, stored, few)
    choices = path(sizes, errors)
    packages = [program + weight_bytes(sizes, choice) for choice in choices]
    number = 0
    if budget.bytes is not None:
        number = first_within(packages, budget)
        choices[number] = spend(choices[number], budget.bytes - packages[number], sizes, errors)

    @cache
    def point(number: int) -> Point:
        choice = choices[number]
        with stored_as(model, stored, choice):
            return Point(choice, program + weight_bytes(sizes, choice), measure(engine))

    curve = sorted({*evenly(len(choices), CURVE), number})
    if budget.bytes is None:
        number = last_within(len(choices), curve, lambda n: budget.allows(half, point(n).measures))
        curve = sorted({*curve, number})
    while True:
        chosen = choices[number]
        compressed = compress_by_choice(core_ml, constants, stored, chosen, target)
        measures = measure(_Package(compressed, names))
        if number == 0 or budget.allows(half, measures):
            break
        number -= 1
    formats = {weight: chosen.get(weight, HALF) for weight in constants}
    points = [point(each) for each in sorted({*curve, number})]
    return Chosen(compressed, budget, workload.examples, formats, points, measures)


def _program_bytes(core_ml: MLModel, sizes: Sizes, functions: int) -> int:
    """Bytes of a package beside its compressed weights: what stays in half precision, and a program
    for each function."""
    package = Path(core_ml.package_path)
    weights = sum(file.stat().st_size for file in package.rglob("*.bin"))
    program = directory_size(package) - weights + OPERATION_BYTES * len({w for w, _ in sizes})
    return program * functions + weights - weight_bytes(sizes, {})


def evenly(count: int, most: int) -> list[int]:
    """Up to ``most`` of the numbers below ``count``, evenly spread, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def last_within(count: int, measured: Sequence[int], good: Callable[[int], bool]) -> int:
    """The last number of a path that is good, before the first that is not: among ``measured``
    first, then by halving. The first number, half precision, is good."""
    low, high = 0, count
    for number in measured:
        if not good(number):
            high = number
            break
        low = number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low
