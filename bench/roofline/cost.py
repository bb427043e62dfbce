"""What `bench.cost` finds: the cost of each part of a model under a roof, and of runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.measuring.results import Machine, Measurements
from bench.runtimes.arithmetic import Part, Roof, totals


@dataclass(frozen=True)
class PartCost:
    """A part of a model: how often it occurs; weights, FLOPs and bytes of one occurrence; the least
    milliseconds of all of them."""

    part: str
    count: int
    weights: float
    flops: float
    bytes: float
    flops_per_byte: float
    roofline_ms: float


@dataclass(frozen=True)
class RuntimeShare:
    """The median time of a runtime, and the share of the roofline that it reaches."""

    runtime: str
    median_ms: float
    share: float


@dataclass(frozen=True)
class Cost:
    """A model at a length in tokens; ``whole`` is all its parts as one. ``machine`` is None where
    the roof is that of another machine: nothing was timed then."""

    model: str
    random_weights: bool
    length: int
    precision: str
    machine: Machine | None
    roof: Roof
    parts: tuple[PartCost, ...]
    whole: PartCost
    runtimes: tuple[RuntimeShare, ...]
    left_out: tuple[str, ...]
    interrupted: bool

    def as_json(self) -> dict[str, object]:
        """The totals stand beside the parts."""
        return {
            "model": self.model,
            "random_weights": self.random_weights,
            "length": self.length,
            "precision": self.precision,
            "machine": self.machine.as_json() if self.machine else None,
            "roof": {
                "product_gflops": self.roof.products,
                "other_gflops": self.roof.rest,
                "bandwidth_gb_s": self.roof.bandwidth,
            },
            "parts": [asdict(part) for part in self.parts],
            "parameters": round(self.whole.weights),
            "flops": self.whole.flops,
            "bytes": self.whole.bytes,
            "roofline_ms": self.whole.roofline_ms,
            "runtimes": [asdict(runtime) for runtime in self.runtimes],
            "left_out": list(self.left_out),
            "interrupted": self.interrupted,
        }


def part_costs(parts: Sequence[Part], roof: Roof, precision: str) -> tuple[PartCost, ...]:
    """Each part under a roof."""
    return tuple(
        PartCost(
            part=part.name,
            count=part.count,
            weights=part.weights,
            flops=part.flops,
            bytes=part.bytes(precision),
            flops_per_byte=part.flops / part.bytes(precision),
            roofline_ms=1000 * part.count * roof.seconds(part, precision),
        )
        for part in parts
    )


def whole_cost(parts: Sequence[Part], costs: Sequence[PartCost], precision: str) -> PartCost:
    """All parts as one."""
    flops, weights, moved = totals(list(parts), precision)
    roofline_ms = sum(cost.roofline_ms for cost in costs)
    return PartCost("in all", 1, weights, flops, moved, flops / moved, roofline_ms)


def runtime_shares(measured: Measurements | None, roofline_ms: float) -> tuple[RuntimeShare, ...]:
    """Each runtime that was timed; none where nothing was."""
    rows = measured.rows if measured else ()
    return tuple(RuntimeShare(r.runtime, r.median_ms, roofline_ms / r.median_ms) for r in rows)
