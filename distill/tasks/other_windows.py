"""Windows of another tokenizer over the same characters, and logits carried from it to one's own.

A teacher with another vocabulary answers on its own tokens. Its answers are about characters, and
characters are what both tokenizers share: where a token starts, and where it ends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from distill.models.tokenizer import pair_separators, special_ids
from distill.tasks.squad import MAX_QUESTION_LENGTH, Example, Feature

NEVER = -16_000.0  # a logit without probability, also in half precision


def same_windows(
    examples: Sequence[Example], features: Sequence[Feature], tokenizer: Tokenizer, longest: int
) -> tuple[list[Feature], int]:
    """For every window of ``features`` the one of another tokenizer on the same characters, and how
    many of them had to be cut to ``longest`` tokens."""
    cls, sep = special_ids(tokenizer)
    between = [sep] * pair_separators(tokenizer)
    passages = list(dict.fromkeys(examples[f.example_index].context for f in features))
    encodings = tokenizer.encode_batch(passages, add_special_tokens=False)
    encoded = {text: (e.ids, e.offsets) for text, e in zip(passages, encodings, strict=True)}
    heads: dict[int, list[int]] = {}
    windows, cut = [], 0
    for feature in features:
        index = feature.example_index
        if index not in heads:
            question = tokenizer.encode(examples[index].question, add_special_tokens=False).ids
            heads[index] = [cls, *question[:MAX_QUESTION_LENGTH], *between]
        head, (ids, offsets) = heads[index], encoded[examples[index].context]
        low, high = _characters(feature)
        first = bisect_right(offsets, low, key=lambda offset: offset[1])
        last = bisect_left(offsets, high, key=lambda offset: offset[0])
        cut += last - first > longest - len(head) - 1
        last = min(last, first + longest - len(head) - 1)
        segments = [0] * len(head) + [1] * (last - first + 1)
        windows.append(Feature(index, [*head, *ids[first:last], sep], segments, len(head),
                               offsets[first:last]))  # fmt: skip
    return windows, cut


def _characters(feature: Feature) -> tuple[int, int]:
    """First and last + 1 of a window."""
    return (feature.offsets[0][0], feature.offsets[-1][1]) if feature.offsets else (0, 0)


def carried(logits: np.ndarray, asked: Feature, feature: Feature) -> np.ndarray:
    """Start and end logits on ``asked``, (2, at least its length), as those of ``feature``,
    (2, its length).

    What the teacher gives to a start goes to the token that holds this character, what it gives to
    an end to the first token that reaches it; those that fall together add their probabilities.
    With equal tokens the logits stay as they are. The first position, "no answer", keeps its logit;
    the question gets none.
    """
    result = np.full((2, len(feature.input_ids)), NEVER, dtype=np.float32)
    result[:, 0] = logits[:, 0]
    student_offsets, teacher_offsets = (
        np.array(f.offsets, dtype=int).reshape(-1, 2) for f in (feature, asked)
    )
    if not len(student_offsets):
        return result
    starts = np.searchsorted(student_offsets[:, 0], teacher_offsets[:, 0], side="right") - 1
    ends = np.searchsorted(student_offsets[:, 1], teacher_offsets[:, 1], side="left")
    passage = logits[:, asked.first : asked.first + len(teacher_offsets)]
    for row, places, values in zip(result, (starts, ends), passage, strict=True):
        np.logaddexp.at(row, feature.first + places.clip(0, len(student_offsets) - 1), values)
    return result
