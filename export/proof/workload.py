"""What a package is verified on: inputs of a task, and how the outputs are judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from distill.console.errors import UserError
from distill.tasks import glue, squad
from export.bundle.bundle_folder import Bundle
from export.proof.package_runners import Outputs
from export.tasks.model_inputs import Inputs, bucket, encode, load_tokenizer, padded, sample_texts


class Workload(Protocol):
    """Inputs by index; ``judge`` compares outputs in the words of the task."""

    inputs: list[Inputs]

    def __len__(self) -> int: ...

    def judge(self, expected: list[Outputs], found: list[Outputs]) -> dict[str, float]: ...


def load_workload(bundle: Bundle, data: Path | None, limit: int | None) -> Workload:
    """The workload of a bundle's task, from a file or from the built-in samples.

    Raises:
        UserError: a limit below 1 or of nothing, or as `read_examples`.
        UserError: likewise.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1, not {limit}")
    if data is None:
        if limit is not None:
            raise UserError("--limit is of the examples of a data file, and there is none")
        return Samples(bundle)
    examples = read_examples(bundle.task, data)[:limit]
    if bundle.task == "qa":
        return SquadWorkload(bundle, examples)
    return SimilarityWorkload(bundle, examples)


def read_examples(task: str, data: Path) -> list[Any]:
    """The examples of a data file: SQuAD JSON for ``qa``, an STS-B TSV for ``embed``.

    Raises:
        UserError: a task that has no measure on data.
        UserError: no such file, or one that is not in the format.
    """
    readers: dict[str, Callable[[Path], list[Any]]] = {
        "qa": squad.load_examples,
        "embed": lambda path: glue.read_examples(glue.TASKS["stsb"], path),
    }
    if task not in readers:
        raise UserError(f"{data}: the task {task} has no measure on data, only on own samples")
    return readers[task](data)


class Samples:
    """The built-in texts; agreement is that of the largest output."""

    def __init__(self, bundle: Bundle) -> None:
        tokenizer = load_tokenizer(bundle.tokenizer)
        self.inputs = encode(tokenizer, sample_texts(bundle.task), bundle.lengths)

    def __len__(self) -> int:
        return len(self.inputs)

    def judge(self, expected: list[Outputs], found: list[Outputs]) -> dict[str, float]:
        same = [
            np.array_equal(wanted[name].argmax(-1), got[name].argmax(-1))
            for wanted, got in zip(expected, found, strict=True)
            for name in wanted
        ]
        return {"agreement": float(np.mean(same))}


class SquadWorkload:
    """Questions in windows of the bundle's lengths; judged by answers, exact match and F1."""

    def __init__(self, bundle: Bundle, examples: Sequence[squad.Example]) -> None:
        settings = bundle.settings
        self.examples = examples
        self.answer_length = int(settings["max_answer_length"])
        self.features = squad.make_features(
            examples,
            load_tokenizer(bundle.tokenizer),
            max(bundle.lengths),
            int(settings["doc_stride"]),
            int(settings["max_question_length"]),
        )
        self.inputs = [
            padded(f.input_ids, f.token_type_ids, bucket(len(f.input_ids), bundle.lengths))
            for f in self.features
        ]

    def __len__(self) -> int:
        return len(self.examples)

    def answers(self, outputs: list[Outputs]) -> dict[str, str]:
        """The best answer of each question."""
        starts = [output["start_logits"][0] for output in outputs]
        ends = [output["end_logits"][0] for output in outputs]
        decoded = squad.decode(
            self.examples, self.features, starts, ends, max_answer_length=self.answer_length
        )
        return {key: best[0].text if best else "" for key, best in decoded.items()}

    def judge(self, expected: list[Outputs], found: list[Outputs]) -> dict[str, float]:
        wanted, got = self.answers(expected), self.answers(found)
        of_reference, of_package = (squad.score(self.examples, a) for a in (wanted, got))
        return {
            "agreement": float(np.mean([wanted[key] == got[key] for key in wanted])),
            "exact_match": of_reference["exact_match"],
            "f1": of_reference["f1"],
            "package_exact_match": of_package["exact_match"],
            "package_f1": of_package["f1"],
        }


class SimilarityWorkload:
    """Sentence pairs; judged by Spearman's correlation of cosine and human score, in percent."""

    def __init__(self, bundle: Bundle, rows: Sequence[glue.GlueExample]) -> None:
        self.rows = rows
        sentences = dict.fromkeys(s for r in rows for s in (r.sentence1, r.sentence2 or ""))
        self.index = {sentence: i for i, sentence in enumerate(sentences)}
        tokenizer = load_tokenizer(bundle.tokenizer)
        self.inputs = encode(tokenizer, [(s, None) for s in sentences], bundle.lengths)

    def __len__(self) -> int:
        return len(self.rows)

    def judge(self, expected: list[Outputs], found: list[Outputs]) -> dict[str, float]:
        wanted, got = self._cosines(expected), self._cosines(found)
        scores = [row.label for row in self.rows]
        cosines = [
            float(np.sum(a["embedding"] * b["embedding"]))
            for a, b in zip(expected, found, strict=True)
        ]
        return {
            "agreement": float(np.mean(cosines)),
            "spearman": glue.score("stsb", scores, wanted)["spearman"],
            "package_spearman": glue.score("stsb", scores, got)["spearman"],
        }

    def _cosines(self, outputs: list[Outputs]) -> list[float]:
        vectors = np.concatenate([output["embedding"] for output in outputs])
        return [
            float(vectors[self.index[r.sentence1]] @ vectors[self.index[r.sentence2 or ""]])
            for r in self.rows
        ]
