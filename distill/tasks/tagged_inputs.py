"""Tagged texts as model inputs; a text that is too long is cut between words into several."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill.tasks.tagged_texts import TaggedText

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TokenFeature:
    """A text, or a part of it, as ids. ``firsts``: where each word's first piece is, None for a
    word that has none (cut off, or dropped by the tokenizer). ``tags``: of each word. ``example``:
    the number of the text."""

    input_ids: list[int]
    token_type_ids: list[int] | None
    firsts: list[int | None]
    tags: tuple[str, ...]
    example: int


def tagged_features(
    examples: Sequence[TaggedText], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> list[TokenFeature]:
    """Ids of each text in parts of at most ``max_length``, and where their words begin. A part has
    as many words as fit, and nothing of its neighbours.

    Args:
        tokenizer: a fast tokenizer of `transformers`.
    """
    room = max_length - tokenizer.num_special_tokens_to_add()
    encoded = tokenizer(
        [example.text for example in examples],
        add_special_tokens=False,
        return_offsets_mapping=True,
        verbose=False,
    )
    parts, numbers = [], []
    for number, (text, offsets) in enumerate(zip(examples, encoded["offset_mapping"], strict=True)):
        for first, last in _fitting(text, offsets, room):
            parts.append(_part(text, first, last))
            numbers.append(number)
    return whole_features(parts, tokenizer, max_length, numbers)


def whole_features(
    texts: Sequence[TaggedText],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    numbers: Sequence[int] | None = None,
) -> list[TokenFeature]:
    """One input a text, at most ``max_length``; ``numbers``: of the texts, else counted."""
    encoded = tokenizer(
        [text.text for text in texts],
        truncation=True,
        max_length=max_length,
        return_offsets_mapping=True,
    )
    segments = encoded.get("token_type_ids") or [None] * len(texts)
    numbers = range(len(texts)) if numbers is None else numbers
    columns = (texts, encoded["input_ids"], segments, encoded["offset_mapping"], numbers)
    return [
        TokenFeature(ids, types, _first_pieces(text.words, offsets), text.tags, number)
        for text, ids, types, offsets, number in zip(*columns, strict=True)
    ]


def same_words(
    examples: Sequence[TaggedText], features: Sequence[TokenFeature]
) -> list[TaggedText]:
    """The text of each of ``features``, which are in order."""
    texts: list[TaggedText] = []
    before, at = -1, 0
    for feature in features:
        at = at if feature.example == before else 0
        before, end = feature.example, at + len(feature.tags)
        texts.append(_part(examples[feature.example], at, end))
        at = end
    return texts


def joined(features: Sequence[TokenFeature], tags: Sequence[list[str]]) -> list[list[str]]:
    """Tags of every feature as tags of every text."""
    texts: dict[int, list[str]] = {}
    for feature, feature_tags in zip(features, tags, strict=True):
        texts.setdefault(feature.example, []).extend(feature_tags)
    return list(texts.values())


def _fitting(
    text: TaggedText, offsets: Sequence[tuple[int, int]], room: int
) -> list[tuple[int, int]]:
    """First word and last + 1 of each part; a word that is too long is alone in one."""
    words = len(text.words)
    if len(offsets) <= room:
        return [(0, words)]
    ends = [end for _, end in offsets]
    begins = [bisect_right(ends, start) for start, _ in text.words]  # pieces before each word
    begins.append(len(offsets))
    parts, first = [], 0
    for word in range(1, words + 1):
        if word == words or begins[word + 1] - begins[first] > room:
            parts.append((first, word))
            first = word
    return parts


def _part(text: TaggedText, first: int, last: int) -> TaggedText:
    if (first, last) == (0, len(text.words)):
        return text
    start, end = text.words[first][0], text.words[last - 1][1]
    words = tuple((low - start, high - start) for low, high in text.words[first:last])
    return TaggedText(text.text[start:end], words, text.tags[first:last])


def _first_pieces(
    words: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]]
) -> list[int | None]:
    firsts: list[int | None] = []
    at = 0
    for start, end in words:
        while at < len(offsets) and offsets[at][1] <= start:
            at += 1
        inside = at < len(offsets) and offsets[at][0] < end and offsets[at][1] > start
        firsts.append(at if inside else None)
    return firsts
