"""Question and passage -> answers, by a package in the simulator."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from distill.tasks.squad import N_BEST, Example, decode, make_features
from export.bundle.bundle_folder import open_bundle
from export.proof.package_runners import PackageEngine
from export.tasks.model_inputs import bucket, load_tokenizer, padded


class Answerer:
    """A question-answering bundle, opened once.

    Raises:
        UserError: no bundle there, or one made for another task.
    """

    def __init__(self, package: Path, precision: str = "float16") -> None:
        self.bundle = open_bundle(package)
        if self.bundle.task != "qa":
            raise UserError(f"{package}: made for the task {self.bundle.task}, not qa")
        self.tokenizer = load_tokenizer(self.bundle.tokenizer)
        self.engine = PackageEngine(self.bundle, precision=precision)

    def answer(self, question: str, passage: str, n_best: int = 1) -> dict[str, Any]:
        """The best answers, with the time in ms of the neural part and of the tokenization."""
        if not question.strip():
            raise UserError("the question is empty")
        settings = self.bundle.settings
        began = time.perf_counter()
        examples = [Example("0", question, passage, ())]
        features = make_features(
            examples,
            self.tokenizer,
            max(self.bundle.lengths),
            settings["doc_stride"],
            settings["max_question_length"],
        )
        inputs = [
            padded(f.input_ids, f.token_type_ids, bucket(len(f.input_ids), self.bundle.lengths))
            for f in features
        ]
        ready = time.perf_counter()
        outputs = [self.engine.predict(window) for window in inputs]
        done = time.perf_counter()
        answers = decode(
            examples,
            features,
            [output["start_logits"][0] for output in outputs],
            [output["end_logits"][0] for output in outputs],
            n_best=max(n_best, N_BEST),
            max_answer_length=settings["max_answer_length"],
        )["0"]
        return {
            "question": question,
            "answers": [asdict(answer) for answer in answers[:n_best]],
            "windows": len(features),
            "neural_ms": 1000 * (done - ready),
            "tokenization_ms": 1000 * (ready - began),
        }
