"""What can run a bundle, by the names that ``--engine`` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.console.errors import UserError

if TYPE_CHECKING:
    from export.bundle.bundle_folder import Bundle
    from export.proof.package_runners import Engine

HALF_PRECISION_INPUTS = 2
"""Apple's runtime for Linux takes 20 seconds and more for one, so few have to do."""


def _package(engine: str) -> Callable[[Bundle, str], Engine]:
    def opened(bundle: Bundle, precision: str) -> Engine:
        from export.proof.package_runners import PackageEngine

        return PackageEngine(bundle, engine, precision)

    return opened


def _asset(bundle: Bundle, precision: str) -> Engine:
    from export.proof.coreai_runtime import CoreAIEngine

    return CoreAIEngine(bundle)


@dataclass(frozen=True)
class Runner:
    """The ``format`` of a bundle that an engine runs, what ``opens`` it at a precision, which is
    the simulator's, and what it is in ``words``."""

    format: str
    opens: Callable[[Bundle, str], Engine]
    words: str


ENGINES = {
    "simulator": Runner("coreml", _package("simulator"), "the simulator"),
    "coreml": Runner("coreml", _package("coreml"), "Core ML"),
    "coreai": Runner("coreai", _asset, "Apple's runtime"),
}
"""The first engine of a format runs everywhere."""


def engines_of(bundle: Bundle) -> list[str]:
    """The engine that runs everywhere for each format that a bundle has, in the table's order."""
    formats = bundle.settings.get("formats") or {"coreml": {}}
    by_format: dict[str, str] = {}
    for name, runner in ENGINES.items():
        if runner.format in formats:
            by_format.setdefault(runner.format, name)
    return list(by_format.values())


def format_of(bundle: Bundle, engine: str | None = None) -> str:
    """The format of a bundle that an engine runs, by default the first of `engines_of`."""
    return ENGINES[engine or engines_of(bundle)[0]].format


def open_engine(bundle: Bundle, engine: str | None = None, precision: str = "float16") -> Engine:
    """An engine for a bundle; by default the first of `engines_of`.

    Raises:
        UserError: the bundle lacks the format, or what runs it is not on this machine.
    """
    available = engines_of(bundle)
    if not available:
        raise UserError(f"{bundle.directory}: model.json does not name a format that this kit runs")
    name = engine or available[0]
    runner = ENGINES[name]
    if runner.format not in (bundle.settings.get("formats") or {"coreml": {}}):
        raise UserError(
            f"{bundle.directory} has no {runner.format} format for --engine {name} "
            f"(it runs in {', '.join(available)})"
        )
    return runner.opens(bundle, precision)
