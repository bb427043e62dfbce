"""Tokenizers from elsewhere: a file of a few lines can panic the library, or make a text a million
times as long."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.bounded_files import read_bounded
from distill.console.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LARGEST_FILE = 2**28
"""Bytes; XLM-RoBERTa's, with 250,000 entries, has 17 million."""
MOST_GROWTH = 100
"""Times that replacements may lengthen a text; those of models people use keep its length."""


def tokenizer_from(path: Path) -> Tokenizer:
    """The fast tokenizer in a file, without padding or truncation.

    Raises:
        UserError: the file is missing, damaged, or one that multiplies a text.
    """
    return tokenizer_in(read_tokenizer_file(path), path)


def read_tokenizer_file(path: Path) -> bytes:
    """The bytes of a tokenizer.json.

    Raises:
        UserError: the file is missing or too large.
    """
    try:
        return read_bounded(path, LARGEST_FILE)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None


def tokenizer_in(content: bytes, path: Path) -> Tokenizer:
    """The fast tokenizer in the bytes of a file, without padding or truncation.

    Args:
        path: of the file, for the messages.

    Raises:
        UserError: the content is damaged, or multiplies a text.
    """
    from tokenizers import Tokenizer

    text = _checked(content, path)
    try:
        tokenizer = Tokenizer.from_str(text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of its Rust code is not an Exception
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: damaged, no usable tokenizer ({reason})") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def check_tokenizer_file(path: Path) -> None:
    """
    Raises:
        UserError: the file is missing, not JSON, or has replacements that multiply a text.
    """
    _checked(read_tokenizer_file(path), path)


def _checked(file: bytes, path: Path) -> str:
    try:
        text = file.decode("utf-8")
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged, no usable tokenizer ({error})") from None
    if isinstance(content, dict):
        steps = [content.get("normalizer"), content.get("pre_tokenizer")]
        if _growth(steps) > MOST_GROWTH:
            raise UserError(
                f"{path}: refused, its replacements can make a text more than {MOST_GROWTH} times "
                "as long"
            )
    return text


def _growth(node: object) -> float:
    """How many times longer a text can become by the replacements in a part of the file."""
    if isinstance(node, list):
        return math.prod(map(_growth, node))
    if not isinstance(node, dict):
        return 1
    if node.get("type") != "Replace":
        return math.prod(map(_growth, node.values()))
    pattern = node.get("pattern")
    replaced = pattern.get("String", "") if isinstance(pattern, dict) else ""
    return max(1, len(str(node.get("content", ""))) / max(1, len(str(replaced))))
