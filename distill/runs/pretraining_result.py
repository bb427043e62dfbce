"""The result of a pre-training, as ``metrics.json`` keeps it, and in words for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from distill.console.tables import Pair, print_pairs, say
from distill.runs.kept_step import KeptStep
from distill.runs.run_folder import where_the_model_is

NEXT = "distill.finetune --task TASK --model {} --out DIR"


@dataclass(frozen=True)
class StudentSize:
    """How many parameters and layers a student has, its embeddings included."""

    parameters: int
    layers: int


@dataclass(frozen=True, kw_only=True)
class PretrainingResult:
    """One pre-training.

    Attributes:
        settings: options of the command, by name.
        training: those of `TrainingArguments` that decide the outcome.
        corpus: what `distill.corpus.shards` says of it.
        padding: its share of the tokens in the batches.
        resumed_from: the step of the checkpoint that the run went on from.
        tokens_seen: without padding.
        seconds: of the training alone.
        train_loss: mean over the steps.
        evaluation: losses and perplexity on the held-out sequences.
        best: the step that was kept, where several were evaluated.
    """

    settings: Mapping[str, Any]
    training: Mapping[str, Any]
    student: StudentSize
    corpus: Mapping[str, Any]
    held_out_sequences: int
    padding: float
    steps: int
    stopped_early: bool
    resumed_from: int | None
    tokens_seen: int
    seconds: float
    tokens_per_second: float
    train_loss: float
    evaluation: Mapping[str, float] | None
    best: KeptStep | None = None
    processes: int
    seed: int

    def as_json(self) -> dict[str, object]:
        whole = asdict(self)
        if self.best is None:
            del whole["best"]
        return whole

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PretrainingResult:
        """As `as_json` wrote it; what ``metrics.json`` holds besides it is passed over.

        Raises:
            TypeError: it is not a result.
        """
        names = {each.name for each in fields(cls)}
        result = cls(**{name: value for name, value in stored.items() if name in names})
        size = StudentSize(**stored["student"])
        return replace(result, student=size, best=KeptStep.from_json(stored.get("best")))


@dataclass(frozen=True)
class AdaptationResult:
    """An encoder that was given an MLM head: the second phase, with all its weights, and what the
    first phase, with the encoder frozen, came to on the held-out sequences."""

    free: PretrainingResult
    frozen: Mapping[str, float] | None

    def as_json(self) -> dict[str, object]:
        return {**self.free.as_json(), "frozen": self.frozen}


def show(
    result: PretrainingResult, folder: Path, frozen: Mapping[str, float] | None = None
) -> None:
    """Print a result, with the evaluation of a ``frozen`` encoder, and where the model is."""
    print_pairs("", _rows(result, frozen))
    say(*where_the_model_is(folder, NEXT))


def _rows(result: PretrainingResult, frozen: Mapping[str, float] | None) -> Iterator[Pair]:
    student, corpus = result.student, result.corpus
    yield "student", f"{student.layers} layers, {student.parameters / 1e6:.1f} M parameters"
    yield "corpus", f"{corpus['sequences']:,} sequences, {corpus['tokens']:,} tokens"
    early = ", stopped early" if result.stopped_early else ""
    since = f", resumed from {result.resumed_from}" if result.resumed_from else ""
    yield "steps", f"{result.steps:,}{early}{since}"
    yield "tokens seen", f"{result.tokens_seen:,}"
    yield "time", f"{result.seconds:.0f} s, {result.tokens_per_second:,.0f} tokens/s"
    yield "training loss", f"{result.train_loss:.4f}"
    for phase, metrics in (("head alone", frozen), ("", result.evaluation)):
        for name, value in (metrics or {}).items():
            words = f"{value:,.1f}" if name == "perplexity" else f"{value:.4f}"
            yield f"held out {phase}: {name}".replace(" :", ":"), words
    if best := result.best:
        yield "kept", f"step {best.step:,}, the best of {best.evaluations} evaluations"
