"""The fast tokenizer of a checkpoint and its special tokens."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from distill.console.errors import UserError
from distill.models.safe_tokenizer import tokenizer_from


def load_tokenizer(directory: Path) -> Tokenizer:
    """The fast tokenizer of a checkpoint, without padding or truncation.

    Raises:
        UserError: the directory has no ``tokenizer.json``, or as `tokenizer_from`.
    """
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"{directory} has no tokenizer.json")
    return tokenizer_from(path)


def special_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """The ids that open a sequence and separate its segments: those that the tokenizer itself puts
    around a text, as MPNet's, which knows [CLS] and [SEP] too; by name where it adds none.

    Raises:
        UserError: it has none of the known names either.
    """
    encoded = tokenizer.encode("")
    marks = zip(encoded.ids, encoded.special_tokens_mask, strict=True)
    added = [number for number, special in marks if special]
    if len(added) == 2:
        return added[0], added[1]
    for opening, separator in (("[CLS]", "[SEP]"), ("<s>", "</s>")):
        cls, sep = tokenizer.token_to_id(opening), tokenizer.token_to_id(separator)
        if cls is not None and sep is not None:
            return cls, sep
    raise UserError(
        "the tokenizer has no tokens around a text (expected [CLS] and [SEP], or <s> and </s>)"
    )


def pair_separators(tokenizer: Tokenizer) -> int:
    """Separators between two texts, as the tokenizer itself joins them: 1, RoBERTa's 2."""
    added = tokenizer.num_special_tokens_to_add(True)  # the opening, those between, the closing
    if added > 2:
        return int(added) - 2
    return 2 if tokenizer.token_to_id("[CLS]") is None else 1
