"""What an export reports, and the rows in which its command prints it."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.tables import Pair, print_pairs, say
from export.proof.choosing_table import print_choosing
from export.proof.gate import Proof
from export.proof.no_answer import NoAnswer

if TYPE_CHECKING:
    from export.proof.chosen_bits import Chosen
    from export.proof.proven_asset import AssetOptions
    from export.proof.proven_bundle import BundleOptions
    from export.proof.verification import Verification

MB = 1e6
PAST_TOLERANCE = 1
"""Exit status of a command whose package differs from PyTorch by more than it should."""
SHOWN_OPERATIONS = 8


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What every export has to say.

    ``bundle`` is where it lies, ``model`` the name of the checkpoint, ``package_bytes`` the size of
    what was written, ``operations`` the count of each kind, ``seconds`` what the export took,
    ``difference`` the proof on sample texts, and ``data`` that on the file of ``--verify``.
    """

    bundle: Path
    model: str
    random_weights: bool
    parameters: int
    package_bytes: int
    operations: dict[str, int]
    no_answer: NoAnswer | None
    seconds: float
    difference: Proof
    app_mb: int | None

    @property
    def float32_bytes(self) -> int:
        """The size of the weights in float32."""
        return 4 * self.parameters

    @property
    def title(self) -> str:
        """The bundle's path; random weights are said in capitals."""
        return f"{self.bundle}{'  RANDOM WEIGHTS' if self.random_weights else ''}"

    def size(self) -> str:
        """The size in decimal MB, beside the weights in float32; a DistilBERT beside the app's."""
        size, whole = self.package_bytes / MB, self.float32_bytes / MB
        words = f"{size:.1f} MB: {size / whole:.0%} of float32 ({whole:.1f} MB)"
        if self.app_mb is None:
            return words
        return f"{words}, {size / self.app_mb:.0%} of the {self.app_mb} MB of the DistilBERT app"

    def shared_json(self) -> dict[str, object]:
        """The part that the JSON of all exports has."""
        return {
            "model": self.model,
            "random_weights": self.random_weights,
            "parameters": self.parameters,
            "float32_bytes": self.float32_bytes,
            "package_bytes": self.package_bytes,
            "operations": self.operations,
            "no_answer": asdict(self.no_answer) if self.no_answer else None,
            "seconds": self.seconds,
            "difference": self.difference.as_json(),
        }


@dataclass(frozen=True, kw_only=True)
class PackageReport(Exported):
    """A Core ML package; ``calibration_inputs`` is how many its activations were measured on,
    ``choosing`` how the format of each weight was chosen, ``fitting_inputs`` how many its palettes
    were fitted to."""

    options: BundleOptions
    calibration_inputs: int
    choosing: Chosen | None = None
    fitting_inputs: int = 0
    data: Verification | None = None

    def as_json(self) -> dict[str, object]:
        calibrate = self.options.calibrate
        report = {
            "bundle": str(self.bundle),
            **asdict(self.options),
            "calibrate": str(calibrate) if calibrate else None,
            "calibration_inputs": self.calibration_inputs,
            "choosing": self.choosing.as_json() if self.choosing else None,
            "fitting_inputs": self.fitting_inputs,
            **self.shared_json(),
        }
        return report if self.data is None else {**report, "data": self.data.as_json()}

    def rows(self) -> list[Pair]:
        options, frequent = self.options, list(self.operations.items())[:SHOWN_OPERATIONS]
        lengths = ", ".join(map(str, options.lengths))
        return [
            ("model", f"{self.model}, {options.task}, {options.layout} layout"),
            ("parameters", f"{self.parameters / 1e6:.1f} M"),
            ("weights", self._weights()),
            ("lengths", f"{lengths} tokens ({options.shapes}, {options.target})"),
            ("package", self.size()),
            *no_answer_row(self.no_answer),
            ("operations", ", ".join(f"{count} {name}" for name, count in frequent)),
            *self.difference.rows("the simulator"),
            *(self.data.rows() if self.data else ()),
            ("time", f"{self.seconds:.1f} s"),
        ]

    def _weights(self) -> str:
        options = self.options
        if not self.calibration_inputs:
            weights = "float16" if options.quantize == "none" else options.quantize
            if options.choosing and self.fitting_inputs:
                data = options.choosing.data
                weights += f" (palettes fitted to {self.fitting_inputs} inputs of {data})"
            return f"{weights}, activations float16"
        return (
            "int8, activations into matrix products int8 (ranges of "
            f"{self.calibration_inputs} inputs of {options.calibrate})"
        )


@dataclass(frozen=True, kw_only=True)
class AssetReport(Exported):
    """A Core AI asset for ``target``, in a bundle that holds ``formats``; ``inputs_run`` is how
    many it was run on."""

    options: AssetOptions
    target: str
    formats: tuple[str, ...]
    inputs_run: int
    data: Verification | None = None

    def as_json(self) -> dict[str, object]:
        report = {
            "bundle": str(self.bundle),
            **asdict(self.options),
            "target": self.target,
            "formats": list(self.formats),
            "inputs_run": self.inputs_run,
            **self.shared_json(),
        }
        return report if self.data is None else {**report, "data": self.data.as_json()}

    def rows(self) -> list[Pair]:
        options = self.options
        weights = options.precision if options.quantize == "none" else options.quantize
        lengths = ", ".join(map(str, options.lengths))
        return [
            ("model", f"{self.model}, {options.task}, {options.layout} layout"),
            ("formats", ", ".join(self.formats)),
            ("parameters", f"{self.parameters / 1e6:.1f} M"),
            ("weights", f"{weights}, arithmetic {options.precision}"),
            ("entry points", f"{lengths} tokens ({self.target})"),
            ("asset", self.size()),
            *no_answer_row(self.no_answer),
            *self.difference.rows("Apple's runtime"),
            *(self.data.rows() if self.data else ()),
            ("time", f"{self.seconds:.1f} s"),
        ]


def print_report(report: PackageReport | AssetReport) -> None:
    """The rows as a table, then the verdict."""
    print_pairs(report.title, report.rows())
    if isinstance(report, PackageReport) and report.choosing:
        print_choosing(report.choosing)
    say(report.difference.sentence())
    if report.data is not None:
        say(f"On the data of --verify: {report.data.verdict}")


def say_next(report: PackageReport | AssetReport) -> None:
    """Say on stderr which command asks what was exported."""
    from export.tasks.table import task_named

    asked = task_named(report.options.task).asked
    say(f"next: python -m export.predict {shlex.quote(str(report.bundle))} {asked}", error=True)


def status_of(report: PackageReport | AssetReport, kept: bool) -> int:
    """The exit status: above 0 where the package differs on data, unless it is ``kept`` anyway."""
    past = report.data is not None and not report.data.passed
    return PAST_TOLERANCE if past and not kept else 0


def no_answer_row(no_answer: NoAnswer | None) -> list[Pair]:
    """The row of a threshold of no answer; none where there is none."""
    return [] if no_answer is None else [("no answer", no_answer.sentence())]
