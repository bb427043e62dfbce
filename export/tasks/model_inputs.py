"""Text -> the arrays that a package takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distill.console.errors import UserError
from export.tasks.names import INPUTS
from export.tasks.samples import QUESTIONS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Inputs = dict[str, np.ndarray]
LENGTHS = (128, 192, 256, 384)
"""The length buckets of a package; most passages of SQuAD with their question fit into 192."""


def load_tokenizer(path: Path) -> Tokenizer:
    """A fast tokenizer that neither pads nor truncates.

    Raises:
        UserError: the file is missing or broken.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises Exception itself
        raise UserError(f"{path}: no usable tokenizer ({error})") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def bucket(tokens: int, lengths: Sequence[int]) -> int:
    """The smallest length that holds ``tokens``, else the largest."""
    return next((length for length in sorted(lengths) if length >= tokens), max(lengths))


def padded(ids: Sequence[int], segments: Sequence[int], length: int) -> Inputs:
    """int32 arrays of shape (1, length); longer sequences are cut, keeping the last token."""
    if len(ids) > length:
        ids, segments = [*ids[: length - 1], ids[-1]], segments[:length]
    arrays = np.zeros((3, 1, length), np.int32)
    arrays[0, 0, : len(ids)] = ids
    arrays[1, 0, : len(ids)] = 1
    arrays[2, 0, : len(ids)] = segments
    return dict(zip(INPUTS, arrays, strict=True))


def encode(
    tokenizer: Tokenizer, texts: Iterable[tuple[str, str | None]], lengths: Sequence[int]
) -> list[Inputs]:
    """Texts or pairs of them as inputs, each at the smallest length that holds it."""
    pairs = [text if second is None else (text, second) for text, second in texts]
    return [
        padded(coded.ids, coded.type_ids, bucket(len(coded.ids), lengths))
        for coded in tokenizer.encode_batch(pairs)
    ]


def sample_texts(task: str) -> list[tuple[str, str | None]]:
    """Our own texts for a task: pairs for question answering, single texts for the rest."""
    if task == "qa":
        return list(QUESTIONS)
    return [(text, None) for pair in QUESTIONS for text in pair]


def sample_inputs(tokenizer: Tokenizer, task: str, lengths: Sequence[int]) -> list[Inputs]:
    """`sample_texts` at their own lengths, and the longest of them at every length."""
    texts = sample_texts(task)
    longest = max(texts, key=lambda text: sum(len(part or "") for part in text))
    inputs = encode(tokenizer, texts, lengths)
    return inputs + [encode(tokenizer, [longest], [length])[0] for length in lengths]


def take(inputs: Inputs, names: Iterable[str]) -> Inputs:
    """The arrays that a model takes."""
    return {name: inputs[name] for name in names}
