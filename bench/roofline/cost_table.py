"""What `bench.cost` prints."""

from __future__ import annotations

from bench.roofline.cost import Cost, PartCost
from distill.console.tables import one_line, plain, print_table, wide_console

HEADER = ("part", "times", "weights", "MFLOP", "MB", "FLOP/byte", "least ms", "share")


def print_cost(result: Cost) -> None:
    """A table of the parts with their total, the roof, and the runtimes' share of it."""
    label = " (random weights)" if result.random_weights else ""
    title = f"{one_line(result.model)}{label}, {result.length} tokens, {result.precision}"
    least = result.whole.roofline_ms
    rows = [_cells(part, least) for part in (*result.parts, result.whole)]
    print_table(title, HEADER, rows, [False, *[True] * (len(HEADER) - 1)], total=True)
    console = wide_console()
    console.print(_roof(result))
    for row in result.runtimes:
        console.print(f"{row.runtime}: {row.median_ms:.1f} ms, {row.share:.0%} of the roofline")
    for line in result.left_out:
        console.print(plain(f"left out: {line}"))


def _cells(part: PartCost, whole: float) -> list[str]:
    """Weights, FLOPs and bytes of one occurrence; time and share of all of them."""
    return [
        part.part,
        str(part.count),
        f"{part.weights / 1e6:.2f} M",
        f"{part.flops / 1e6:,.1f}",
        f"{part.bytes / 1e6:,.2f}",
        f"{part.flops_per_byte:.1f}",
        f"{part.roofline_ms:.2f}",
        f"{part.roofline_ms / whole:.0%}",
    ]


def _roof(result: Cost) -> str:
    roof, machine = result.roof, result.machine
    where = f"measured on {machine.cpu}, {machine.threads} threads" if machine else "as given"
    return (
        f"roof: {roof.products:.0f} GFLOP/s of matrix products, {roof.bandwidth:.1f} GB/s ({where})"
    )
