"""Text -> what a bundle says, in the words of its task."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.console.errors import UserError
from export.bundle.bundle_folder import open_bundle
from export.proof.engines import open_engine
from export.tasks.model_inputs import Inputs
from export.tasks.task import Answer, Outputs, Question


@dataclass(frozen=True)
class Prediction:
    """An answer, and how it was come to.

    Attributes:
        answer: by task `export.tasks.qa.Spans`, `export.tasks.classify.Labels` or ``Values``,
            `export.tasks.tokens.Entities`, `export.tasks.rank.RankedPassages`,
            `export.tasks.embed.Embedding` or ``Nearest``, `export.tasks.mlm.FilledMasks`,
            `export.tasks.features.TokenFeatures`.
        cut_texts: how many texts were longer than the longest input of the package.
        neural_ms: time of the package in milliseconds.
        other_ms: of everything else.
    """

    answer: Answer
    cut_texts: int
    neural_ms: float
    other_ms: float

    def as_json(self) -> dict[str, object]:
        return {
            **self.answer.as_json(),
            "cut_texts": self.cut_texts,
            "neural_ms": self.neural_ms,
            "other_ms": self.other_ms,
        }


class Predictor:
    """A bundle, opened once, that answers texts.

    Args:
        bundle: its directory, or the ``.mlpackage`` inside it.
        precision: of the simulator, ``float16``, as a phone computes and the default, or
            ``float32``.
        engine: of `export.proof.engines.ENGINES`; default: what runs the bundle everywhere.

    Raises:
        UserError: no bundle there, or a broken one.
    """

    def __init__(
        self, bundle: str | Path, precision: str | None = None, engine: str | None = None
    ) -> None:
        self.bundle = open_bundle(bundle)
        self.reading = self.bundle.reading
        self._engine = open_engine(self.bundle, engine, precision)
        self._seconds = 0.0

    def predict(
        self,
        text: str,
        passage: str | None = None,
        *,
        n_best: int = 1,
        zero_shot: tuple[str, ...] = (),
    ) -> Prediction:
        """What the bundle says of a text.

        Args:
            text: a text; for question answering the question, for ranking the query.
            passage: the second text of a pair; for ``rank`` and ``embed`` one candidate a line.
            n_best: how many answers of ``qa`` and ``embed`` at most; of ``mlm``, words for each
                mask (1: five). Other tasks give all.
            zero_shot: labels in words, for an NLI classifier.

        Raises:
            UserError: the task does not take what is given, or the package gives NaN or infinity.
        """
        question = Question(text, passage, n_best, tuple(zero_shot))
        if zero_shot and not self.bundle.record.labels_in_words:
            raise UserError(f"--zero-shot is for classifiers, not for {self.bundle.task}")
        self._seconds = 0.0
        began = time.perf_counter()
        answer = self.bundle.record.predict(question, self.reading, self._run)
        whole = time.perf_counter() - began
        record, cut = self.bundle.record, 0
        if not record.windows:
            cut = self.reading.too_long(record.read_texts(question))
        return Prediction(answer, cut, 1e3 * self._seconds, 1e3 * (whole - self._seconds))

    def outputs(self, text: str, passage: str | None = None) -> dict[str, np.ndarray]:
        """The raw outputs of the package for a text or a pair, by name."""
        return self._run(self.reading.inputs([(text, passage)])[0])

    def _run(self, inputs: Inputs) -> Outputs:
        began = time.perf_counter()
        found = self._engine.predict(inputs)
        self._seconds += time.perf_counter() - began
        for name, values in found.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise UserError(
                    f"{self.bundle.package}: its {name} are not finite; the package is damaged, or "
                    "overflows in half precision (see python -m export.diagnose)"
                )
        return found
