"""SQuAD's official metric: exact match and F1 over words, the best over the reference answers."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

import numpy as np

from distill.tasks.squad import Example


def score(examples: Sequence[Example], predictions: dict[str, str]) -> dict[str, float | int]:
    """The official metric, in percent: exact match and F1 over words, the best over the reference
    answers of a question. A question without prediction scores 0.

    Returns:
        ``exact_match``, ``f1``, ``total``, ``missing`` (questions without prediction) and
        ``surplus`` (predictions for no question).
    """
    return summary(examples, predictions, scores_by_question(examples, predictions))


def summary(
    examples: Sequence[Example], predictions: dict[str, str], rows: np.ndarray
) -> dict[str, float | int]:
    """`score` from the ``rows`` of `scores_by_question`."""
    known = {example.id for example in examples}
    return {
        "exact_match": float(rows[:, 0].mean()),
        "f1": float(rows[:, 1].mean()),
        "total": len(examples),
        "missing": len(known - predictions.keys()),
        "surplus": len(predictions.keys() - known),
    }


def scores_by_question(
    examples: Sequence[Example], predictions: dict[str, str], version2: bool = False
) -> np.ndarray:
    """Exact match and F1 of each example in percent, of shape (examples, 2); ``version2``: by the
    rules of the official script of SQuAD v2.0."""
    from torchmetrics.functional.text import squad

    rows = np.zeros((len(examples), 2))
    for row, example in zip(rows, examples, strict=True):
        if example.id not in predictions:
            continue
        texts = _references(example, version2)
        measured = squad(
            {"id": example.id, "prediction_text": predictions[example.id]},
            {"id": example.id, "answers": {"text": texts, "answer_start": [0] * len(texts)}},
        )
        row[:] = float(measured["exact_match"]), float(measured["f1"])
        if not version2 and not normalized(predictions[example.id]):
            row[1] = 0  # no words, none in common: so the script of v1.1, also where EM is 100
    return rows


def _references(example: Example, version2: bool) -> list[str]:
    """The official script of v2.0 passes over references of which normalisation leaves nothing."""
    texts = [text for text, _ in example.answers]
    return [text for text in texts if not version2 or normalized(text)] or [""]


def normalized(text: str) -> str:
    """An answer as the official metric compares it: lower case, without punctuation, articles and
    surplus blanks."""
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())
