"""Time models in runtimes on workloads, in turns, and put what was found into rows and ratios."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.measuring.machine import describe, pinned, require_memory
from bench.measuring.memory import peak_memory
from bench.measuring.ratios import Entry, ratios
from bench.measuring.results import Measurements, Ratio, Row
from bench.measuring.timing import Clock, Contender, Times
from bench.runtimes.contenders import Model
from bench.runtimes.registry import RUNTIMES, Prepared, Unavailable, load, prepare
from bench.runtimes.workloads import Predict, Workload
from distill.console.errors import is_for_user
from distill.console.tables import one_line

LEAST_TURNS = 10
WEIGHT_BYTES = 4
ROOM = 3
"""Copies of the float32 weights that exporting and loading hold at once."""


@dataclass(frozen=True)
class Plan:
    """What to measure. ``seconds`` are spent on each runtime and workload, or more where one pass
    takes longer. ``together`` loads all runtimes at once and lets them take turns, to compare the
    kit's with its peers; ``padding`` adds every workload padded to its longest input.
    Runtimes that the user did not choose are silent about models that they do not take."""

    models: tuple[Model, ...]
    runtimes: tuple[str, ...]
    workloads: tuple[Workload, ...]
    seconds: float
    threads: int
    memory: bool = True
    together: bool = False
    padding: bool = False
    chosen: bool = True


@dataclass(frozen=True)
class Loaded:
    """A model in a runtime, ready."""

    model: Model
    prepared: Prepared
    predict: Predict


@dataclass
class Session:
    """What has been measured so far; kept when it is interrupted."""

    plan: Plan
    folder: Path
    bar: tqdm[Any]
    rows: list[Row] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    interrupted: bool = False
    error: str | None = None


def measure(plan: Plan) -> Measurements:
    """Measure. Ctrl-C, SIGTERM or an error ends it early; what was measured until then is kept.

    Raises, where nothing was measured yet (later, ``error`` is the message):
        UserError: no room in memory, a file that is broken, or a model that cannot be exported.
        OSError: no room on the disk.
    """
    machine = describe(plan.threads)
    groups = 1 if plan.together else len(plan.runtimes)
    with (
        _sigterm_as_ctrl_c(),
        pinned(plan.threads),
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        tqdm(
            total=groups * len(plan.workloads),
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, left {remaining}",
            mininterval=0.5,
            leave=False,
        ) as bar,
    ):
        session = Session(plan, Path(folder), bar)
        try:
            for group in range(groups):
                runtimes = plan.runtimes if plan.together else (plan.runtimes[group],)
                _measure_group(session, runtimes)
                bar.n = (group + 1) * len(plan.workloads)
                if session.interrupted:
                    break
        except KeyboardInterrupt:
            session.interrupted = True
        except Exception as error:
            if not session.rows or not is_for_user(error):
                raise
            session.error = str(error)
    return Measurements(
        machine,
        tuple(session.rows),
        tuple(session.ratios),
        tuple(session.left_out),
        session.interrupted,
        session.error,
    )


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """`timeout` and batch systems end a process by SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _measure_group(session: Session, runtimes: Sequence[str]) -> None:
    loaded = [one for runtime in runtimes for one in _load_models(session, runtime)]
    if not loaded:
        return
    entries: list[Entry] = []
    try:
        for workload in session.plan.workloads:
            entries += _time(session, loaded, workload)
            if session.interrupted:
                break
        if session.plan.memory and not session.interrupted:
            entries = _with_memory(session, loaded, entries)
    finally:
        session.rows += [entry.row for entry in entries]
        session.ratios += ratios(entries)


def _load_models(session: Session, runtime: str) -> Iterator[Loaded]:
    plan = session.plan
    inputs = {one["input_ids"].shape[1]: one for work in plan.workloads for one in work.inputs}
    lengths = sorted(inputs)
    for model in plan.models:
        if not plan.chosen and model.kind not in RUNTIMES[runtime].accepts:
            continue
        session.bar.set_description_str(f"{runtime}: load {one_line(model.name)}")
        require_memory(ROOM * WEIGHT_BYTES * (model.parameters or 0), f"{model.name} in {runtime}")
        try:
            prepared = prepare(runtime, model, lengths, session.folder)
            predict = load(prepared, plan.threads)
            for length in {lengths[0], lengths[-1]}:
                predict(inputs[length])
            yield Loaded(model, prepared, predict)
        except Unavailable as reason:
            session.left_out.append(f"{model.name} in {runtime}: {reason}")


def _time(session: Session, loaded: Sequence[Loaded], workload: Workload) -> list[Entry]:
    """One workload by everything that is loaded, in turns."""
    plan, bar = session.plan, session.bar
    variants = [workload]
    if plan.padding and len(workload.lengths) > 1:
        variants.append(workload.padded(max(workload.lengths)))
    pairs = [(one, variant) for variant in variants for one in loaded]
    clock = Clock([Contender(one.predict, variant.inputs) for one, variant in pairs])
    runtime = "all runtimes" if plan.together else loaded[0].prepared.runtime
    bar.set_description_str(f"{runtime}: {workload.name}")
    begun = int(bar.n)

    def tick(share: float) -> None:
        bar.n = begun + share
        bar.update(0)

    try:
        clock.warm_up()
        clock.run(plan.seconds, max(LEAST_TURNS, len(workload.inputs)), tick)
    except KeyboardInterrupt:
        session.interrupted = True
    bar.n = begun + 1
    return [
        Entry(one.model.name, one.prepared.runtime, variant, times, _row(one, variant, times))
        for (one, variant), times in zip(pairs, clock.times(), strict=True)
        if times.singles.size
    ]


def _row(loaded: Loaded, workload: Workload, times: Times) -> Row:
    model, size = loaded.model, loaded.prepared.size
    accuracy = model.accuracy
    return Row(
        model=model.name,
        random_weights=model.random_weights,
        parameters=model.parameters,
        size_mb=size / 1e6 if size else None,
        runtime=loaded.prepared.runtime,
        workload=workload.name,
        inputs=len(workload.inputs),
        inputs_without_limit=workload.of,
        inferences=len(times.singles),
        median_ms=times.percentile(50),
        median_interval_ms=times.median_interval(),
        p90_ms=times.percentile(90),
        p99_ms=times.percentile(99),
        pass_s=times.pass_seconds,
        tokenization_ms=None if workload.tokenization is None else workload.tokenization * 1000,
        memory_mb=None,
        accuracy=dict([accuracy]) if accuracy else None,
    )


def _with_memory(
    session: Session, loaded: Sequence[Loaded], entries: Sequence[Entry]
) -> list[Entry]:
    """The entries with the peak memory of their model in their runtime."""
    peaks = {}
    longest = max(length for workload in session.plan.workloads for length in workload.lengths)
    for one in loaded:
        runtime, name = one.prepared.runtime, one.model.name
        session.bar.set_description_str(f"{runtime}: memory of {one_line(name)}")
        peaks[runtime, name] = peak_memory(
            one.prepared, longest, session.plan.threads, one.model.vocabulary
        )
    return [
        replace(entry, row=replace(entry.row, memory_mb=peaks[entry.runtime, entry.model]))
        for entry in entries
    ]
