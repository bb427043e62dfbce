"""What a package is verified on: the examples of a data file, or the samples of its task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill.console.errors import UserError
from distill.console.tables import Pair
from distill.tasks.metric_words import metric_title, value_words
from export.bundle.bundle_folder import Bundle
from export.tasks.task import Outputs, Workload


def load_workload(bundle: Bundle, data: Path | None, limit: int | None) -> Workload:
    """The workload of a bundle's task, from a file or from the built-in samples.

    Raises:
        UserError: a limit below 1 or without data, or data that is not in the task's format.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1, not {limit}")
    if data is None:
        if limit is not None:
            raise UserError("--limit is for the examples of --data, which is not given")
        return bundle.record.sample_workload(bundle.reading)
    return bundle.record.workload(bundle.record.read(data)[:limit], bundle.reading)


@dataclass(frozen=True)
class Judged:
    """``agreement``, the share of equal decisions, and the task's measures of the ``reference`` and
    of the ``package``."""

    agreement: float
    reference: dict[str, float]
    package: dict[str, float]

    def as_json(self) -> dict[str, float]:
        of_package = {f"package_{key}": value for key, value in self.package.items()}
        return {"agreement": self.agreement, **self.reference, **of_package}

    def rows(self) -> list[Pair]:
        """Rows of a table."""
        return [
            ("same answers", f"{self.agreement:.1%}"),
            *(
                (
                    metric_title(key),
                    f"{value_words(key, value)}, of the package "
                    f"{value_words(key, self.package[key])}",
                )
                for key, value in self.reference.items()
            ),
        ]


def judge(workload: Workload, expected: list[Outputs], found: list[Outputs]) -> Judged:
    """Judge what a package found by what its reference did."""
    wanted, got = workload.decide(expected), workload.decide(found)
    agreement = sum(a == b for a, b in zip(wanted, got, strict=True)) / max(len(wanted), 1)
    return Judged(agreement, workload.measure(expected), workload.measure(found))
