"""Text -> the arrays that a package takes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
Inputs = dict[str, np.ndarray]
Text = tuple[str, str | None]
"""A text, or a pair of them."""
LENGTHS = (128, 192, 256, 384)
"""The length buckets of a package; most passages of SQuAD with their question fit into 192."""


def parse_lengths(text: str) -> tuple[int, ...]:
    """The value of ``--lengths``: numbers of tokens, ascending, each once.

    Raises:
        argparse.ArgumentTypeError: not numbers, or one below 2.
    """
    try:
        lengths = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: lengths are numbers such as 128,256") from None
    if lengths[0] < 2:
        raise argparse.ArgumentTypeError(f"{lengths[0]}: a length is at least 2")
    return lengths


def parse_no_answer(text: str) -> float | Path:
    """The value of ``--no-answer-threshold``: a number, or a file.

    Raises:
        argparse.ArgumentTypeError: neither a finite number nor a file.
    """
    try:
        threshold = float(text)
    except ValueError:
        if not Path(text).is_file():
            message = f"{text!r} is neither a number nor a file of SQuAD 2.0's form"
            raise argparse.ArgumentTypeError(message) from None
        return Path(text)
    if not math.isfinite(threshold):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return threshold


def bucket(tokens: int, lengths: Sequence[int]) -> int:
    """The smallest length that holds ``tokens``, else the largest."""
    return next((length for length in sorted(lengths) if length >= tokens), max(lengths))


def padded(ids: Sequence[int], segments: Sequence[int], length: int, pad: int = 0) -> Inputs:
    """int32 arrays of shape (1, length), with ``pad`` as the id of padding; longer sequences are
    cut, keeping the last token."""
    if len(ids) > length:
        ids, segments = [*ids[: length - 1], ids[-1]], segments[:length]
    arrays = np.zeros((3, 1, length), np.int32)
    arrays[0] = pad
    arrays[0, 0, : len(ids)] = ids
    arrays[1, 0, : len(ids)] = 1
    arrays[2, 0, : len(ids)] = segments
    return dict(zip(INPUTS, arrays, strict=True))


def encode_batch(tokenizer: Tokenizer, texts: Iterable[Text], longest: int) -> list[Encoding]:
    """Texts as encodings of at most ``longest`` tokens; of a pair the longer text is cut first, as
    `transformers` does by default."""
    pairs = [text if second is None else (text, second) for text, second in texts]
    tokenizer.enable_truncation(longest, strategy="longest_first")
    try:
        return list(tokenizer.encode_batch(pairs))
    finally:
        tokenizer.no_truncation()


def encode(
    tokenizer: Tokenizer, texts: Iterable[Text], lengths: Sequence[int], pad: int = 0
) -> list[Inputs]:
    """Texts or pairs of them as inputs, each at the smallest length that holds it."""
    return [
        padded(coded.ids, coded.type_ids, bucket(len(coded.ids), lengths), pad)
        for coded in encode_batch(tokenizer, texts, max(lengths))
    ]


def take(inputs: Inputs, names: Iterable[str]) -> Inputs:
    """The arrays that a model takes."""
    return {name: inputs[name] for name in names}
