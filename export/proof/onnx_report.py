"""What an export to ONNX wrote and what was found of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from distill.console.tables import Pair
from export.proof.differences import Difference
from export.proof.no_answer import NoAnswer
from export.proof.report import MB, no_answer_row


@dataclass(frozen=True)
class Taken:
    """What a provider of ONNX Runtime takes of a graph: ``taken`` of its ``nodes``, in so many
    ``parts``; the rest, operators ``left``, stays on the CPU."""

    provider: str
    taken: int
    nodes: int
    parts: int
    left: tuple[str, ...]

    def sentence(self) -> str:
        """The row of a report."""
        left = f"; left to the CPU: {', '.join(self.left)}" if self.left else ""
        parts = f"{self.parts} part{'s' * (self.parts != 1)}"
        return f"{self.taken} of {self.nodes} nodes in {parts}{left}"


@dataclass(frozen=True, kw_only=True)
class OnnxReport:
    """An ONNX file of ``bytes``. ``difference`` is that from ``witness``, ``least_psnr`` (dB) what
    is asked of it; all three are None where the file was not run."""

    file: Path
    model: str
    random_weights: bool
    witness: str | None
    task: str
    form: str
    quantize: str
    weight_bits: int
    bytes: int
    fused_attention: int
    layers: int
    providers: tuple[Taken, ...]
    no_answer: NoAnswer | None
    difference: Difference | None
    least_psnr: float | None
    seconds: float

    def as_json(self) -> dict[str, object]:
        report = {field.name: getattr(self, field.name) for field in fields(self)}
        found, no_answer = report.pop("difference"), report.pop("no_answer")
        return report | {
            "file": str(self.file),
            "for": report.pop("form"),
            "providers": [asdict(each) for each in self.providers],
            "no_answer": asdict(no_answer) if no_answer else None,
            "psnr": found.psnr if found else None,
            "max_abs": found.max_abs if found else None,
        }

    def rows(self) -> list[Pair]:
        found = self.difference
        difference = "not compared"
        if found is not None:
            difference = f"PSNR {found.psnr:.1f} dB, largest difference {found.max_abs:.2g}"
        return [
            ("model", f"{self.model}, {self.task}"),
            ("weights", f"{self.weight_bits} bits"),
            ("file", f"{self.bytes / MB:.1f} MB"),
            ("for", self.form),
            ("attention", f"{self.fused_attention} of {self.layers} layers fused"),
            *((f"{each.provider} takes", each.sentence()) for each in self.providers),
            *no_answer_row(self.no_answer),
            (f"against {self.witness or 'PyTorch'}", difference),
            ("time", f"{self.seconds:.1f} s"),
        ]
