"""What a comparison finds: the machine, a row for each model in a runtime, and ratios of times."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Machine:
    """What was measured on. ``load`` is the system's mean number of running processes over the last
    minute, before the measurement: above 0 something else had the cores."""

    cpu: str
    flags: tuple[str, ...]
    cores: int
    threads: int
    memory_gb: float
    load: float
    system: str
    python: str
    versions: dict[str, str]

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def line(self) -> str:
        """One line of text."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        flags = " ".join(self.flags) or "no vector flags known"
        return (
            f"{self.cpu}, {self.threads} of {self.cores} cores, {flags}, {self.memory_gb} GB; "
            f"{versions}"
        )


@dataclass(frozen=True)
class Row:
    """A model in a runtime on a workload: times of single inferences in ms, ``pass_s`` seconds of a
    pass over all inputs, sizes in MB; None where it is not known."""

    model: str
    random_weights: bool
    parameters: int | None
    size_mb: float | None
    runtime: str
    workload: str
    inputs: int
    inputs_without_limit: int
    inferences: int
    median_ms: float
    median_interval_ms: tuple[float, float] | None
    p90_ms: float
    p99_ms: float
    pass_s: float | None
    tokenization_ms: float | None
    memory_mb: float | None
    accuracy: dict[str, float] | None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Ratio:
    """Time of ``baseline`` / time of ``model``, with its 95% interval: above 1 the model is
    faster."""

    baseline: str
    model: str
    runtime: str
    workload: str
    ratio: float
    low: float | None
    high: float | None
    baseline_runtime: str
    baseline_workload: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @property
    def models(self) -> str:
        """Both models, the baseline first."""
        return f"{self.baseline} / {self.model}"

    @property
    def runtimes(self) -> str:
        """The runtime, or both where they differ."""
        same = self.baseline_runtime == self.runtime
        return self.runtime if same else f"{self.baseline_runtime} / {self.runtime}"

    @property
    def workloads(self) -> str:
        """The workload, or both where they differ."""
        same = self.baseline_workload == self.workload
        return self.workload if same else f"{self.baseline_workload} / {self.workload}"

    @property
    def interval(self) -> str | None:
        """In words; None where the ratio has no interval."""
        return None if self.low is None else f"{self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True)
class Measurements:
    """Everything that was measured, and what was left out and why. ``error`` or an interruption
    ended it early."""

    machine: Machine
    rows: tuple[Row, ...]
    ratios: tuple[Ratio, ...]
    left_out: tuple[str, ...]
    interrupted: bool = False
    error: str | None = None

    def as_json(self) -> dict[str, object]:
        return asdict(self)
