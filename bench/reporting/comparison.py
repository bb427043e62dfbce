"""All that `bench.compare` reports: what was measured here, and what a phone measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.measuring.quality import Quality
from bench.measuring.results import Measurements, Ratio
from bench.measuring.timing import ratio, ratio_by_round
from bench.reporting.device_results import DeviceRow


@dataclass(frozen=True)
class Comparison:
    """``device`` are a phone's rows, of which the ratios are taken here; ``quality`` is that of
    bundles, on the data that `--quality` names."""

    measured: Measurements
    device: tuple[DeviceRow, ...] = ()
    quality: tuple[Quality, ...] = ()

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Those measured here, then those of the phone."""
        return (*self.measured.ratios, *device_ratios(self.device))

    def as_json(self) -> dict[str, object]:
        return {
            **self.measured.as_json(),
            "ratios": [ratio.as_json() for ratio in self.ratios],
            "device": [row.as_json() for row in self.device],
            "quality": [one.as_json() for one in self.quality],
        }


def device_ratios(rows: Sequence[DeviceRow]) -> list[Ratio]:
    """Each model against the first on the same device, compute unit and length.

    Times taken in turns are compared round by round; a file of version 1 has no rounds, its times
    are not paired.
    """
    first: dict[tuple[str, str, int], DeviceRow] = {}
    result = []
    for row in rows:
        baseline = first.setdefault(row.place, row)
        if baseline is row:
            continue
        value, low, high = _device_ratio(baseline, row)
        workload = f"fixed:{row.length}"
        result.append(
            Ratio(
                baseline=baseline.model,
                model=row.model + (" (control)" if row.control else ""),
                runtime=_runtime(row),
                workload=workload,
                ratio=value,
                low=low,
                high=high,
                baseline_runtime=_runtime(baseline),
                baseline_workload=workload,
            )
        )
    return result


def _runtime(row: DeviceRow) -> str:
    framework = "" if row.framework == "coreml" else f" {row.framework}"
    return f"{row.device}{framework} {row.compute_unit}"


def _device_ratio(
    baseline: DeviceRow, other: DeviceRow
) -> tuple[float, float | None, float | None]:
    times = np.array(baseline.milliseconds), np.array(other.milliseconds)
    if baseline.rounds is None or other.rounds is None:
        return ratio(*times, paired=False)
    return ratio_by_round(*times, np.array(baseline.rounds), np.array(other.rounds))
