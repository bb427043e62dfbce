"""Half precision beside single precision, every value watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..errors import SimulatorError
from ..mil import Function
from ..program import AnyModel, load_program
from ..running import MAX_ITERATIONS, MAX_SECONDS
from ..simulator import Simulator
from ..watching import float_values, shapes_of, takes
from .parts import inputs_of, parts

Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Loss:
    """What one operation's result loses in half precision over all inputs.

    ``psnr`` in dB of the result against float32 (None where nothing differs, or nothing is finite);
    ``added`` is the noise, as a share of the squared peak, above that of its noisiest input;
    ``peak`` the greatest magnitude in float32; ``not_finite`` counts results that are infinite or
    no number in half precision and finite in float32.
    """

    operation: str
    kind: str
    part: str
    psnr: float | None
    added: float
    peak: float
    not_finite: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Diagnosis:
    """``first`` is the first operation whose inputs are finite and whose result is not; ``losses``
    are ranked: results that are not finite, in the program's order, then by ``added``;
    ``not_finite_in_single`` names the first operation whose result is NaN or infinite in float32
    too, of which nothing can be said (-inf is a mask); ``not_watched`` names loops and
    conditionals, whose results are watched, but not what they compute inside."""

    function: str
    inputs: int
    first: Loss | None
    losses: tuple[Loss, ...]
    not_finite_in_single: str | None = None
    not_watched: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class _Sums:
    """Of one value: squared error, squared peak, elements, and the counts of `Loss`."""

    error: float = 0.0
    elements: int = 0
    peak: float = 0.0
    not_finite: int = 0
    broken_in_single: bool = False

    def add(self, single: np.ndarray, half: np.ndarray) -> None:
        single, half = np.asarray(single, np.float64), np.asarray(half, np.float64)
        finite = np.isfinite(single)
        self.broken_in_single |= not bool((finite | np.isneginf(single)).all())
        self.peak = max(self.peak, float(np.abs(single[finite]).max(initial=0.0)))
        self.not_finite += int((finite & ~np.isfinite(half)).sum())
        both = finite & np.isfinite(half)
        self.error += float(np.square(single[both] - half[both]).sum())
        self.elements += int(both.sum())

    @property
    def noise(self) -> float:
        """Mean squared error as a share of the squared peak."""
        if not self.elements or not self.peak:
            return 0.0
        return self.error / self.elements / self.peak**2


def diagnose(
    model: AnyModel,
    inputs: Sequence[Inputs],
    function: str | None = None,
    *,
    max_iterations: int = MAX_ITERATIONS,
    max_seconds: float = MAX_SECONDS,
) -> Diagnosis:
    """Run a function of a package in both precisions and compare every float value.

    Args:
        model: what `Simulator` takes.
        inputs: real inputs; those of other shapes than the function takes are left out.
        function: its name; by default the one that the package names, or where that does not take
            the first input, the first that does.
        max_iterations, max_seconds: as those of `Simulator`.

    Raises:
        SimulatorError: no inputs, no function that takes them, a package that cannot be read, or a
            loop that does not end.
    """
    if not inputs:
        raise SimulatorError("no inputs to diagnose on")
    name = function or _function_for(model, inputs[0])
    program = load_program(model, name).function
    watched = float_values(program)
    single, half = (
        Simulator(
            model,
            precision,
            function=name,
            watch=watched,
            max_iterations=max_iterations,
            max_seconds=max_seconds,
        )
        for precision in ("float32", "float16")
    )
    chosen = [sample for sample in inputs if takes(single, sample)]
    if not chosen:
        raise SimulatorError(
            f"no input fits the function {name!r}, which takes {single.input_shapes}"
        )
    sums = {key: _Sums() for key in watched}
    for sample in chosen:
        exact, rounded = single.carried(sample), half.carried(sample)
        for key in watched:
            sums[key].add(exact[key], rounded[key])
    losses, first = _losses(program, sums)
    order = {loss.operation: place for place, loss in enumerate(losses)}
    ranked = sorted(
        losses, key=lambda loss: (not loss.not_finite, -loss.added, order[loss.operation])
    )
    broken = [loss for loss in losses if loss.not_finite]
    whole = [loss for loss in ranked if not loss.not_finite]
    in_single = (
        op.name
        for op in program.operations
        if any(sums[var.name].broken_in_single for var in op.outputs if var.name in sums)
    )
    nested = tuple(op.name for op in program.operations if op.blocks)
    return Diagnosis(name, len(chosen), first, (*broken, *whole), next(in_single, None), nested)


def _function_for(model: AnyModel, sample: Inputs) -> str:
    program = load_program(model)
    names: list[str] = sorted(
        program.spec.mlProgram.functions, key=lambda n: (n != program.name, n)
    )
    for name in names:
        if takes(Simulator(model, function=name), sample):
            return name
    raise SimulatorError(
        f"no function takes inputs of {shapes_of(sample)}; there are {', '.join(names)}"
    )


def _losses(function: Function, sums: Mapping[str, _Sums]) -> tuple[list[Loss], Loss | None]:
    """Of every watched operation in the program's order, and the first that breaks by itself."""
    places, losses = parts(function), []
    first: Loss | None = None
    for op in function.operations:
        results = [sums[var.name] for var in op.outputs if var.name in sums]
        if not results or op.op_type.startswith("const"):
            continue
        given = [sums[var.name] for var in inputs_of(op) if var.name in sums]
        noise = max(result.noise for result in results)
        loss = Loss(
            operation=op.name,
            kind=op.op_type,
            part=places.get(op.name, ""),
            psnr=float(-10 * np.log10(noise)) if noise else None,
            added=max(noise - max((value.noise for value in given), default=0.0), 0.0),
            peak=max(result.peak for result in results),
            not_finite=sum(result.not_finite for result in results),
        )
        losses.append(loss)
        if first is None and loss.not_finite and not any(value.not_finite for value in given):
            first = loss
    return losses, first
