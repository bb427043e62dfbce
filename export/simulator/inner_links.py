"""Links in a package, which may lead to its own files, and nowhere else; or, in the cache of the
Hugging Face hub, to the blobs beside the snapshot.

What `distill.console.inner_links` is to the kit, of which nothing is imported here.
"""

from __future__ import annotations

from pathlib import Path

from .errors import SimulatorError

SNAPSHOTS, BLOBS = "snapshots", "blobs"


def check_inside(path: Path, package: Path) -> None:
    """
    Raises:
        SimulatorError: a path in a package that a link leads out of it, or in a circle.
    """
    try:
        target, own = path.resolve(), package.resolve()
    except (OSError, RuntimeError):
        raise SimulatorError(f"{path.name} is a link that leads in a circle") from None
    inside = (each for each in (own, *own.parents) if each.parent.name == SNAPSHOTS)
    places = (own, *(each.parent.parent / BLOBS for each in inside))
    if not any(target.is_relative_to(place) for place in places):
        raise SimulatorError(f"{path.name} is a link that leads out of it")
