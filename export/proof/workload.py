"""What a package is verified on: the examples of a data file, or the samples of its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from distill.console.errors import UserError
from distill.console.tables import Pair
from distill.tasks.metric_words import (
    difference_words,
    metric_title,
    value_words,
    with_interval,
)
from distill.tasks.statistics import Difference, paired
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
            raise UserError("--limit needs --data")
        return bundle.record.sample_workload(bundle.reading)
    return bundle.record.workload(bundle.record.read(data)[:limit], bundle.reading)


@dataclass(frozen=True)
class Judged:
    """``agreement``, the share of equal decisions, and the task's measures of the ``reference`` and
    of the ``package``, with the ``differences`` package - reference over the same examples, where
    there are several that are independent (questions of one article are not)."""

    agreement: float
    reference: dict[str, float]
    package: dict[str, float]
    differences: dict[str, Difference] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        of_package = {f"package_{key}": value for key, value in self.package.items()}
        return {
            "agreement": self.agreement,
            **self.reference,
            **of_package,
            "differences": {name: asdict(found) for name, found in self.differences.items()},
        }

    def rows(self) -> list[Pair]:
        """Rows of a table."""
        rows = [("same answers", f"{self.agreement:.1%}")]
        for name, value in self.reference.items():
            of_package = value_words(name, self.package[name])
            rows += [
                (metric_title(name), f"{value_words(name, value)}, of the package {of_package}"),
                *difference_rows(name, self.differences),
            ]
        return rows


def difference_rows(name: str, differences: Mapping[str, Difference]) -> list[Pair]:
    """The row of a measure's paired difference; none where it has no interval."""
    if (found := differences.get(name)) is None:
        return []
    words = difference_words(name, found.difference)
    return [("  difference, paired", with_interval(words, found.interval, signed=True))]


def judge(workload: Workload, expected: list[Outputs], found: list[Outputs]) -> Judged:
    """Judge what a package found by what its reference did."""
    wanted, got = workload.decide(expected), workload.decide(found)
    agreement = sum(a == b for a, b in zip(wanted, got, strict=True)) / max(len(wanted), 1)
    return Judged(
        agreement,
        workload.measure(expected),
        workload.measure(found),
        paired_differences(workload, expected, found),
    )


def paired_differences(
    workload: Workload, first: list[Outputs], second: list[Outputs]
) -> dict[str, Difference]:
    """The difference second - first of the task's measures, with its 95% interval; empty where the
    examples are not independent, or have no right answers."""
    if workload.statistics is None:
        return {}
    one, other = workload.statistics(first), workload.statistics(second)
    return paired({"data": one}, {"data": other}) if one.several else {}
