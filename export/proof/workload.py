"""What a package is verified on: the examples of a data file, or the samples of its task."""

from __future__ import annotations

from pathlib import Path

from distill.console.errors import UserError
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
        return bundle.record.sample_workload(bundle.reading())
    return bundle.record.workload(bundle.record.read(data)[:limit], bundle.reading())


def judge(workload: Workload, expected: list[Outputs], found: list[Outputs]) -> dict[str, float]:
    """The share of equal decisions as ``agreement``, and the task's measures of the reference and,
    as ``package_...``, of the package."""
    wanted, got = workload.decide(expected), workload.decide(found)
    agreement = sum(a == b for a, b in zip(wanted, got, strict=True)) / max(len(wanted), 1)
    of_package = {f"package_{key}": value for key, value in workload.measure(found).items()}
    return {"agreement": agreement, **workload.measure(expected), **of_package}
