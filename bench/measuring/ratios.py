"""Which measured times are compared with which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.measuring.results import Ratio, Row
from bench.measuring.timing import Times, ratio
from bench.runtimes.registry import KIT, PEERS
from bench.runtimes.workloads import Workload


@dataclass(frozen=True)
class Entry:
    """A row of a result and the times behind it."""

    model: str
    runtime: str
    workload: Workload
    times: Times
    row: Row


def ratios(entries: Sequence[Entry]) -> list[Ratio]:
    """Ratios among entries that took turns, ratio = baseline time / model time:

    - each model against the first, in the same runtime and on the same workload;
    - each model against itself on the same workload padded to its longest input;
    - where the kit's runtimes and others took turns, the kit's fastest against each other one.
    """
    pairs = [*_against_first(entries), *_against_padding(entries), *_against_peers(entries)]
    return [_ratio(baseline, other) for baseline, other in pairs]


def _against_first(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        if entry.model == entries[0].model:
            first[entry.runtime, entry.workload.name] = entry
    for entry in entries:
        baseline = first.get((entry.runtime, entry.workload.name))
        if baseline is not None and entry.model != baseline.model:
            yield baseline, entry


def _against_padding(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    by_place = {(e.model, e.runtime, e.workload.name): e for e in entries}
    for entry in entries:
        padded = entry.workload.padded_name(max(entry.workload.lengths))
        baseline = by_place.get((entry.model, entry.runtime, padded))
        if baseline is not None:
            yield baseline, entry


def _against_peers(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    places = dict.fromkeys((entry.model, entry.workload.name) for entry in entries)
    for place in places:
        found = [entry for entry in entries if (entry.model, entry.workload.name) == place]
        ours = [entry for entry in found if entry.runtime in KIT]
        if ours:
            best = min(ours, key=lambda entry: entry.times.percentile(50))
            yield from ((entry, best) for entry in found if entry.runtime in PEERS)


def _ratio(baseline: Entry, other: Entry) -> Ratio:
    value, low, high = ratio(baseline.times.singles, other.times.singles, other.workload.statistic)
    return Ratio(
        baseline=baseline.model,
        model=other.model,
        runtime=other.runtime,
        workload=other.workload.name,
        ratio=value,
        low=low,
        high=high,
        baseline_runtime=baseline.runtime,
        baseline_workload=baseline.workload.name,
    )
