"""The step that a training kept, the best of several evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from distill.tasks.metric_words import metric_title, value_words


@dataclass(frozen=True)
class KeptStep:
    """Step ``step`` of ``steps`` had the best ``value`` of ``metric`` among so many
    ``evaluations`` on ``rows`` rows, which are from ``rows_from``, in words."""

    step: int
    metric: str
    value: float
    evaluations: int
    rows: int
    rows_from: str
    steps: int
    stopped_early: bool

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> KeptStep | None:
        """As `as_json` wrote it; None where there is none.

        Raises:
            TypeError: a name is missing, or is unknown.
        """
        return cls(**stored) if stored is not None else None

    def in_words(self) -> str:
        early = ", where training stopped early" if self.stopped_early else ""
        reached = f"{metric_title(self.metric)} {value_words(self.metric, self.value)}"
        return (
            f"Step {self.step} of {self.steps}{early} is kept, the best of "
            f"{self.evaluations} evaluations: {reached} on {self.rows} rows "
            f"{self.rows_from}, which are not those of the result."
        )
