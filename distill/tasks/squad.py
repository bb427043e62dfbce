"""SQuAD v1.1 and v2.0: examples, windows of a passage, and answers decoded from logits.

A passage that is too long for the model is cut into overlapping windows, each a feature
``[CLS] question [SEP] window [SEP]`` (RoBERTa: two separators between); an answer is the best
span over all windows of its question (Devlin et al., arXiv 1810.04805, section 4.2).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category

import numpy as np

from distill.console.bounded_files import read_json
from distill.console.errors import UserError
from distill.corpus import hub
from distill.models.tokenizer import pair_separators, special_ids

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_LENGTH = 384
DOC_STRIDE = 128
MAX_QUESTION_LENGTH = 64
N_BEST = 20
MAX_ANSWER_LENGTH = 30
MAX_WINDOWS = 50_000  # of one passage
UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})  # categories of Unicode: separators, controls


@dataclass(frozen=True)
class Example:
    """A question on a passage. ``answers`` holds (text, first character in the passage)."""

    id: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...]
    title: str = ""


@dataclass(frozen=True)
class Feature:
    """One window of an example's passage, as model input.

    ``offsets`` holds the character range of each passage token; ``first`` is the position of the
    first of them in ``input_ids``. Positions before and after belong to the question and the
    special tokens. ``spans`` holds (start, end) positions of the answers inside this window.
    """

    example_index: int
    input_ids: list[int]
    token_type_ids: list[int]
    first: int
    offsets: list[tuple[int, int]]
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Answer:
    """A span of the passage; ``text`` is ``context[start:end]``, ``score`` what the sum of its
    logits is above that of "no answer" in its window, ``probability`` its share among the n best.
    """

    text: str
    start: int
    end: int
    score: float
    probability: float = 0.0


def load_examples(path: str | Path, on_mismatch: str = "skip") -> list[Example]:
    """The examples of `load_checked`."""
    return load_checked(path, on_mismatch)[0]


def load_checked(path: str | Path, on_mismatch: str = "skip") -> tuple[list[Example], list[str]]:
    """Read a file in the official SQuAD format (v1.1 or v2.0, gzipped or plain): its examples, and
    the ids of questions with an answer that does not stand at its ``answer_start``.

    Args:
        path: the file, or ``hub:NAME[:SPLIT]``, such as ``hub:rajpurkar/squad_v2:validation``;
            without a split that to train on.
        on_mismatch: what to do with such an answer: ``skip`` it (the question too when no answer
            is left), ``refuse`` the file, or ``keep`` it: the official metric reads its text alone.

    Raises:
        UserError: the file is not in the format, or holds a mismatch and is to be refused; the
            hub cannot be reached.
    """
    examples, mismatches = _parse(path, keep=on_mismatch == "keep")
    if mismatches and on_mismatch == "refuse":
        raise UserError(
            f"{path}: {len(mismatches)} answers are not found at their answer_start, the first in "
            f"question {mismatches[0]}; fix the file or skip them"
        )
    return examples, mismatches


def load_questions(path: str | Path) -> list[Example]:
    """The questions of a file as `load_checked` reads it. Their answers are not looked at, and may
    be missing.

    Raises:
        UserError: as `load_checked`.
    """
    return _parse(path, answered=False)[0]


def _parse(
    path: str | Path, keep: bool = False, answered: bool = True
) -> tuple[list[Example], list[str]]:
    examples: list[Example] = []
    mismatches: list[str] = []
    try:
        for article in _articles(str(path)):
            for paragraph in article["paragraphs"]:
                title, context = _text(article.get("title") or ""), _text(paragraph["context"])
                for qa in paragraph["qas"]:
                    stated = qa if answered else {**qa, "is_impossible": True}
                    example = _example(title, context, stated, mismatches, keep)
                    if example is not None:
                        examples.append(example)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise UserError(
            f"{path}: not in the SQuAD format ({type(error).__name__}: {error})"
        ) from None
    if not examples:
        raise UserError(f"{path}: has no questions")
    counted = Counter(example.id for example in examples)
    if twice := next((name for name, count in counted.items() if count > 1), None):
        raise UserError(f"{path}: the question id {twice!r} occurs {counted[twice]} times")
    return examples, mismatches


def _articles(source: str) -> Any:
    if not source.startswith(hub.PREFIX):
        return read_json(Path(source))["data"]
    name, split = [*source.removeprefix(hub.PREFIX).split(":"), "train"][:2]
    return [_article(row) for row in hub.load_rows(name, None, split)[0]]


def _article(row: dict[str, Any]) -> dict[str, Any]:
    """A question as the hub has it, in the official format."""
    stated = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
    answers = [{"text": text, "answer_start": at} for text, at in stated]
    question = {name: row[name] for name in ("id", "question")}
    question |= {"answers": answers, "is_impossible": not answers}
    paragraph = {"context": row["context"], "qas": [question]}
    return {"title": row.get("title", ""), "paragraphs": [paragraph]}


def _example(
    title: str, context: str, qa: dict[str, Any], mismatches: list[str], keep: bool
) -> Example | None:
    impossible = qa.get("is_impossible") or False
    if not isinstance(impossible, bool):
        raise TypeError(f"is_impossible {impossible!r} is not true or false")
    stated = [] if impossible else [(_text(a["text"]), _start(a)) for a in qa["answers"]]
    answers = tuple((text, at) for text, at in stated if keep or _stands(text, at, context))
    if len(answers) < len(stated):
        mismatches.append(qa["id"])
        if not answers:
            return None
    return Example(_text(qa["id"]), _text(qa["question"]), context, answers, title)


def _start(answer: dict[str, object]) -> int:
    at = answer["answer_start"]
    if type(at) is not int:
        raise TypeError(f"answer_start {at!r} is not a whole number")
    return at


def _stands(text: str, at: int, context: str) -> bool:
    return bool(text) and at >= 0 and context.startswith(text, at)


def _text(value: Any) -> str:
    """``value`` if it is a text; JSON can hold halves of characters, which no tokenizer takes."""
    value.encode()
    return str(value)


def make_features(
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    max_length: int = MAX_LENGTH,
    doc_stride: int = DOC_STRIDE,
    max_question_length: int = MAX_QUESTION_LENGTH,
) -> list[Feature]:
    """Cut every example into windows of at most ``max_length`` tokens that start ``doc_stride``
    passage tokens apart; the question keeps its first ``max_question_length`` tokens.

    ``tokenizer`` must neither pad nor truncate. A passage shared by examples in a row is
    tokenized once.

    Raises:
        UserError: the tokenizer has no separator token, ``max_length`` leaves no room,
            ``doc_stride`` is below 1, or a passage gives too many windows.
    """
    if doc_stride < 1:
        raise UserError(f"windows must start at least 1 token apart, not {doc_stride}")
    cls, sep = special_ids(tokenizer)
    between = [sep] * pair_separators(tokenizer)
    questions = tokenizer.encode_batch([e.question for e in examples], add_special_tokens=False)
    distinct = list(dict.fromkeys(e.context for e in examples))
    encoded = tokenizer.encode_batch(distinct, add_special_tokens=False)
    # An encoding copies its lists whenever it is asked for them: once a passage, not once a window.
    contexts = {
        text: (encoding.ids, encoding.offsets)
        for text, encoding in zip(distinct, encoded, strict=True)
    }
    features: list[Feature] = []
    for index, example in enumerate(examples):
        ids, offsets = contexts[example.context]
        head = [cls, *questions[index].ids[:max_question_length], *between]
        room = max_length - len(head) - 1
        if room < 1:
            raise UserError(f"a length of {max_length} leaves no room for the passage")
        starts = window_starts(len(ids), room, doc_stride)
        spans = list(filter(None, (token_span(offsets, text, at) for text, at in example.answers)))
        features.extend(
            _window(index, head, ids[a : a + room], offsets[a : a + room], a, spans, sep)
            for a in starts
        )
    return features


def window_starts(tokens: int, room: int, doc_stride: int) -> list[int]:
    """First token of each window; the last window is the first that reaches the end.

    Raises:
        UserError: more than `MAX_WINDOWS` of them.
    """
    step = min(doc_stride, room)
    count = 1 + max(0, -(-(tokens - room) // step))
    if count > MAX_WINDOWS:
        raise UserError(
            f"a passage of {tokens:,} tokens gives {count:,} windows, more than {MAX_WINDOWS:,}; "
            "raise the stride or cut the passage"
        )
    return [number * step for number in range(count)]


def _window(
    index: int,
    head: list[int],
    ids: list[int],
    offsets: list[tuple[int, int]],
    start: int,
    spans: Sequence[tuple[int, int]],
    sep: int,
) -> Feature:
    shift = len(head) - start
    return Feature(
        example_index=index,
        input_ids=[*head, *ids, sep],
        token_type_ids=[0] * len(head) + [1] * (len(ids) + 1),
        first=len(head),
        offsets=offsets,
        spans=tuple(
            (first + shift, last + shift)
            for first, last in spans
            if start <= first and last < start + len(ids)
        ),
    )


def token_span(offsets: Sequence[tuple[int, int]], text: str, at: int) -> tuple[int, int] | None:
    """First and last token of an answer that starts at the character ``at``. What is not seen at
    its edges (blanks, controls, zero-width characters) is passed over: tokenizers drop it, or join
    it with the next word. None where nothing else is left, or no token holds what is."""
    seen = [place for place, letter in enumerate(text) if category(letter) not in UNSEEN]
    # A mark that comes first belongs to the letter before the answer.
    first_seen = next((place for place in seen if category(text[place])[0] != "M"), None)
    if first_seen is None:
        return None
    first = bisect_right(offsets, at + first_seen, key=lambda offset: offset[1])
    last = bisect_left(offsets, at + seen[-1] + 1, key=lambda offset: offset[0]) - 1
    return (first, last) if first <= last else None


def decode(
    examples: Sequence[Example],
    features: Sequence[Feature],
    start_logits: Sequence[np.ndarray],
    end_logits: Sequence[np.ndarray],
    n_best: int = N_BEST,
    max_answer_length: int = MAX_ANSWER_LENGTH,
    allow_null: bool = False,
    null_threshold: float = 0.0,
) -> dict[str, list[Answer]]:
    """The best answers of every example, best first.

    Windows are trained to say that they hold no answer by their first token, so a span counts by
    what it has above that: each window's logits have a height of their own, and without this the
    loudest window wins (Clark and Gardner, arXiv 1710.10723, find the same of paragraphs).

    Args:
        start_logits: one array per feature, at least as long as its ``input_ids``.
        end_logits: likewise.
        max_answer_length: longest answer in tokens.
        allow_null: SQuAD v2.0: "no answer" (an empty text at 0:0 with the score 0) comes first
            when that is more than ``null_threshold`` above the best span.
    """
    spans: list[dict[tuple[int, int], float]] = [{} for _ in examples]
    for feature, start, end in zip(features, start_logits, end_logits, strict=True):
        best = spans[feature.example_index]
        for span, score in _spans(feature, start, end, n_best, max_answer_length):
            best[span] = max(score, best.get(span, -np.inf))
    answers = {}
    for example, best_spans in zip(examples, spans, strict=True):
        ranked = sorted(best_spans.items(), key=lambda item: (-item[1], item[0]))[:n_best]
        scored = [Answer(example.context[a:b], a, b, score) for (a, b), score in ranked]
        if allow_null and (not scored or -scored[0].score > null_threshold):
            scored.insert(0, Answer("", 0, 0, 0.0))
        answers[example.id] = _with_probabilities(scored)
    return answers


def _spans(
    feature: Feature, start: np.ndarray, end: np.ndarray, n_best: int, max_answer_length: int
) -> list[tuple[tuple[int, int], float]]:
    """Character spans with scores: the ``n_best`` starts against the ``n_best`` ends."""
    stop = feature.first + len(feature.offsets)
    no_answer = float(start[0]) + float(end[0])
    start = np.asarray(start, dtype=np.float32)[feature.first : stop]
    end = np.asarray(end, dtype=np.float32)[feature.first : stop]
    firsts = np.argsort(-start, kind="stable")[:n_best].tolist()
    lasts = np.argsort(-end, kind="stable")[:n_best].tolist()
    return [
        (
            (feature.offsets[i][0], feature.offsets[j][1]),
            float(start[i]) + float(end[j]) - no_answer,
        )
        for i in firsts
        for j in lasts
        if i <= j < i + max_answer_length
    ]


def _with_probabilities(answers: list[Answer]) -> list[Answer]:
    if not answers:
        return []
    scores = np.array([answer.score for answer in answers])
    weights = np.exp(scores - scores.max())
    return [
        Answer(a.text, a.start, a.end, a.score, float(p))
        for a, p in zip(answers, weights / weights.sum(), strict=True)
    ]
