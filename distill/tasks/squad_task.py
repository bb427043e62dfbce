"""SQuAD v1.1 and v2.0 as tasks: windows of passages, soft targets of all annotators' answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering

from distill.console.bounded_files import read_object
from distill.console.errors import UserError, note
from distill.losses.task import mask_padding, span_distillation_kl, span_loss, span_targets
from distill.models.checkpoint_folder import longest_input
from distill.models.loading import configuration, load_weights
from distill.models.presets import data_directory
from distill.models.tokenizer import load_tokenizer
from distill.tasks.options import TaskOptions
from distill.tasks.other_windows import carried, same_windows
from distill.tasks.splits import split_by_text
from distill.tasks.squad import (
    MAX_QUESTION_LENGTH,
    Answer,
    Example,
    Feature,
    decode,
    load_checked,
    load_examples,
    load_questions,
    make_features,
)
from distill.tasks.squad_scores import scores_by_question, summary
from distill.tasks.statistics import numbered, of_means
from distill.tasks.task import VALIDATION, Batch, Data, Labels, Metrics, Scored, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOGITS = 2  # start and end
WEAK_TEACHER_F1 = 60.0
MISMATCH = ("skip", "refuse")


class SpanTask(Task[Example, Feature]):
    """Question answering on a passage; with ``allow_null`` a question may have no answer."""

    takes = frozenset({"data", "train_file", "extra_files", "held_out", "doc_stride",
                       "max_answer_length", "null_threshold", "on_mismatch"})  # fmt: skip
    instead = ": it takes --train_file FILE"
    max_length = 384
    metric = "f1"
    evaluation = "held_out"
    kind = AutoModelForQuestionAnswering
    per_token = True
    takes_texts = True
    matches_attention = True

    def __init__(self, name: str, allow_null: bool = False) -> None:
        super().__init__(name)
        self.allow_null = allow_null

    def complete(self, options: TaskOptions) -> None:
        super().complete(options)
        if options.on_mismatch not in MISMATCH:
            raise UserError(f"--on_mismatch is {' or '.join(MISMATCH)}, not {options.on_mismatch}")
        if options.null_threshold and not self.allow_null:
            raise UserError("--null_threshold is for squad2: in squad every question has an answer")

    def read(self, options: TaskOptions) -> Data[Example]:
        if options.data:
            raise UserError(f"{self.name} is trained on --train_file; it has no --data to train on")
        examples, mismatches = load_checked(self._train_file(options), options.on_mismatch)
        kept, held_out = split_by_passage(examples, options.held_out)
        own = len(kept)
        for path in options.extra_files:
            extra, more_mismatches = load_checked(path, options.on_mismatch)
            kept, mismatches = kept + extra, mismatches + more_mismatches
        self._check_answerable([*kept, *held_out])
        counts = {"questions": len(kept), "mismatches": len(mismatches)}
        text = f"{len(mismatches)} questions have an answer that is not at its answer_start"
        scored = {"held_out": held_out} if held_out else {}
        notes = (text,) if mismatches else ()
        return Data(kept, scored, None, counts, notes, extra=len(kept) - own)

    def read_unlabelled(
        self, path: str, options: TaskOptions, data: Data[Example]
    ) -> list[Example]:
        return load_questions(path)

    def text_of(self, example: Example) -> str:
        return str(example.context)

    def features_of(self, features: Sequence[Feature], examples: int) -> int:
        return sum(feature.example_index < examples for feature in features)

    def hold_back(
        self, examples: Sequence[Example], share: float
    ) -> tuple[Sequence[Example], Sequence[Example]]:
        return split_by_passage(examples, share, VALIDATION)

    def _train_file(self, options: TaskOptions) -> str | Path:
        folder = data_directory()
        if options.train_file:
            return options.train_file
        if folder is None or self.allow_null:
            raise UserError(f"name the training data of {self.name} with --train_file")
        return folder / "squad" / "train-shifts.json.gz"

    def read_scored(self, options: TaskOptions, labels: Labels | None) -> Data[Example]:
        folder = data_directory()
        if options.data is None and (folder is None or self.allow_null):
            raise UserError("name the data file with --data")
        path = options.data or Path(str(folder)) / "squad" / "dev-v1.1.json.gz"
        examples = load_examples(path, on_mismatch="keep")  # the metric reads the text alone
        self._check_answerable(examples)
        return Data([], {"held_out": examples})

    def _check_answerable(self, examples: Sequence[Example]) -> None:
        without = sum(not example.answers for example in examples)
        if without and not self.allow_null:
            raise UserError(
                f"{without} of {len(examples)} questions have no answer, the first "
                f"{next(e.id for e in examples if not e.answers)!r}: use --task squad2"
            )

    def check_teacher(self, data: Data[Example]) -> None:
        if not data.scored:
            raise UserError("no held-out passage to score the teacher on; raise --held_out")

    def floor(self, data: Data[Example]) -> tuple[float, str]:
        return WEAK_TEACHER_F1, f"{WEAK_TEACHER_F1:g}% is the least"

    def load(
        self,
        directory: Path,
        labels: Labels | None,
        dropout: float | None = None,
        trained: bool = False,
        attentions: bool = False,
    ) -> PreTrainedModel:
        """A model with a head for spans.

        Args:
            attentions: the model must be able to return them, which fused attention cannot.

        Raises:
            UserError: the checkpoint cannot be loaded, or has no such head where it is to be
                ``trained``.
        """
        heads = read_object(directory / "config.json").get("architectures")
        head = self.kind.__name__.removeprefix("AutoModel")
        if trained and heads and not any(name.endswith(head) for name in heads):
            raise UserError(f"{directory}: has no question-answering head, it is {heads[0]}")
        config = configuration(directory, dropout)
        config.num_labels = LOGITS  # not those of a classifier that it starts from
        kernel = {"attn_implementation": "eager"} if attentions else {}
        return load_weights(self.kind, directory, trained=trained, config=config, **kernel)

    def features(
        self, examples: Sequence[Example], directory: Path, options: TaskOptions
    ) -> list[Feature]:
        tokenizer = load_tokenizer(directory)
        long = [e.question for e in examples if len(e.question) > MAX_QUESTION_LENGTH]
        encoded = tokenizer.encode_batch(long, add_special_tokens=False)
        if cut := sum(len(question.ids) > MAX_QUESTION_LENGTH for question in encoded):
            note(f"{cut} questions are longer than {MAX_QUESTION_LENGTH} tokens, and are cut")
        return make_features(examples, tokenizer, options.max_length, options.doc_stride)

    def asked(
        self,
        examples: Sequence[Example],
        features: Sequence[Feature],
        directory: Path,
        options: TaskOptions,
    ) -> list[Feature]:
        """Windows on the same characters, as long as the teacher takes them."""
        longest = longest_input(directory) or options.max_length
        windows, cut = same_windows(examples, features, load_tokenizer(directory), longest)
        if cut:
            note(f"{directory}: {cut} of {len(windows)} windows end early, after {longest} tokens")
        return windows

    def aligned(self, logits: np.ndarray, asked: Feature, feature: Feature) -> np.ndarray:
        return carried(logits, asked, feature)

    def trainable(
        self, examples: Sequence[Example], features: list[Feature]
    ) -> tuple[list[Feature], int]:
        """Without the windows of answered questions whose answer no window holds: they would
        teach that there is no answer; and the number of these questions."""
        held = {feature.example_index for feature in features if feature.spans}
        lost = {i for i, e in enumerate(examples) if e.answers and i not in held}
        return [f for f in features if f.example_index not in lost], len(lost)

    def targets(self, features: Sequence[Feature], length: int, labels: Labels | None) -> Batch:
        start, end = span_targets([feature.spans for feature in features], length)
        return {"start_targets": start, "end_targets": end}

    def logits(self, output: Any, batch: Batch) -> torch.Tensor:
        """(rows, 2, length), padding masked."""
        logits = torch.stack([output.start_logits, output.end_logits], dim=1)
        return mask_padding(logits, batch["attention_mask"][:, None])

    def hard_loss(self, logits: torch.Tensor, batch: Batch, labels: Labels | None) -> torch.Tensor:
        return span_loss(logits[:, 0], logits[:, 1], batch["start_targets"], batch["end_targets"])

    def soft_loss(
        self,
        logits: torch.Tensor,
        teacher: torch.Tensor,
        batch: Batch,
        temperature: float,
        labels: Labels | None,
    ) -> torch.Tensor:
        return span_distillation_kl(logits, teacher, temperature)

    def score(
        self,
        data: Data[Example],
        features: Mapping[str, Sequence[Feature]],
        logits: Mapping[str, Sequence[np.ndarray]],
        options: TaskOptions,
    ) -> Scored:
        (split,) = data.scored
        examples, rows = data.scored[split], logits[split]
        starts, ends = [row[0] for row in rows], [row[1] for row in rows]
        answers = decode(
            examples, features[split], starts, ends, max_answer_length=options.max_answer_length
        )
        texts = {key: best[0].text if best else "" for key, best in answers.items()}
        if not self.allow_null:
            return self.score_texts(examples, texts)
        leads = no_answer_leads(examples, answers)
        none = {e.id for e, lead in zip(examples, leads, strict=True)
                if lead > options.null_threshold}  # fmt: skip
        best = best_threshold(examples, texts, leads)
        answered = {key: "" if key in none else text for key, text in texts.items()}
        scored = self._scored(examples, answered, {"best_f1": best.rows})
        scored.metrics.update(best.metrics())
        return scored

    def score_texts(self, examples: Sequence[Example], texts: dict[str, str]) -> Scored:
        """The official metric of answers by question id; intervals by article."""
        return self._scored(examples, texts, {})

    def _scored(
        self, examples: Sequence[Example], texts: dict[str, str], more: dict[str, np.ndarray]
    ) -> Scored:
        """As `score_texts`, with ``more`` metrics that are means over the questions."""
        rows = scores_by_question(examples, texts, version2=self.allow_null)
        columns = {"exact_match": rows[:, 0], "f1": rows[:, 1], **more}
        answered = np.array([bool(example.answers) for example in examples])
        for name, chosen in (("HasAns", answered), ("NoAns", ~answered)):
            if self.allow_null and chosen.any():
                exact, f1 = np.where(chosen[:, None], rows, np.nan).T
                columns |= {f"{name}_exact": exact, f"{name}_f1": f1}
        means = {name: float(np.nanmean(column)) for name, column in columns.items()}
        articles = numbered([e.title or e.context for e in examples])
        statistics = of_means(np.stack([*columns.values()], 1), [*columns], articles)
        metrics: Metrics = {**summary(examples, texts, rows), **means}
        return Scored(metrics, {"held_out": statistics}, texts)


def no_answer_leads(
    examples: Sequence[Example], answers: Mapping[str, Sequence[Answer]]
) -> np.ndarray:
    """How much "no answer" scores above the best span of `found`, as `decode` gives it:
    (questions,), infinite where there is no span."""
    return np.array([-answers[e.id][0].score if answers[e.id] else np.inf for e in examples])


@dataclass(frozen=True)
class BestThreshold:
    """The lead of "no answer" above which it is given for the highest F1, and the F1 of every
    question then, in percent, (questions,)."""

    threshold: float
    rows: np.ndarray

    def metrics(self) -> dict[str, float]:
        """``best_f1`` and ``best_f1_threshold``, which is finite."""
        finite = np.isfinite(self.threshold)
        return {
            "best_f1": float(self.rows.mean()),
            "best_f1_threshold": self.threshold if finite else float(np.finfo("f4").max),
        }


def best_threshold(
    examples: Sequence[Example], texts: dict[str, str], leads: np.ndarray
) -> BestThreshold:
    """As the official script of v2.0 finds it.

    Args:
        texts: the best span of every question.
        leads: score of no answer less that of the best span, (questions,).
    """
    gain = np.array([0.0 if e.answers else 100.0 for e in examples])
    spans = scores_by_question(examples, texts, version2=True)[:, 1]
    empty = np.array([not texts[e.id] for e in examples])  # an article alone is an answer here
    spans = np.where(gain > 0, 100.0 * empty, spans)
    order = np.argsort(leads, kind="stable")
    # Questions up to a place in this order are answered by their span, the rest by none.
    totals = np.concatenate([[gain.sum()], gain.sum() + np.cumsum((spans - gain)[order])])
    ends = np.concatenate([[True], np.diff(leads[order]) > 0, [True]])  # equal leads go together
    best = int(np.where(ends, totals, -np.inf).argmax())
    threshold = float(leads[order[best - 1]]) if best else float(leads.min()) - 1
    return BestThreshold(threshold, np.where(leads > threshold, gain, spans))


def split_by_passage(
    examples: Sequence[Example], share: float, purpose: str = ""
) -> tuple[list[Example], list[Example]]:
    """Hold out about ``share`` of the examples, whole articles of them (whole passages where one
    article holds more than a tenth of the data)."""
    counts = Counter(example.title for example in examples)
    most = len(examples) / 10
    return split_by_text(
        examples, share, lambda e: e.context if counts[e.title] > most else e.title, purpose
    )
