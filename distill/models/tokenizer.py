"""The fast tokenizer of a checkpoint and its special tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from distill.console.errors import UserError
from distill.families.table import FAMILIES
from distill.models.safe_tokenizer import tokenizer_from, tokenizer_in

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROBE = "\u00c9lan Paris don't 3.14 \u6771\u4eac \ufb01n"
"""Words that tokenizers read differently: accents, case, punctuation, Chinese, a ligature."""
RIGHT = "right"  # where batches are padded, and texts cut


def check_truncation(tokenizer: object, directory: Path) -> None:
    """Raises:
    UserError: a tokenizer of `transformers` that keeps the end of a long text.
    """
    if getattr(tokenizer, "truncation_side", RIGHT) != RIGHT:
        raise UserError(
            f"{directory}: its tokenizer cuts long texts on the left, which is not supported; set "
            "truncation_side to right in tokenizer_config.json"
        )


def load_tokenizer(directory: Path) -> Tokenizer:
    """The fast tokenizer of a checkpoint, without padding or truncation. Where its files disagree
    it is what `transformers` makes of them, as in all tasks and in the export; a note says so.

    Raises:
        UserError: the directory has no ``tokenizer.json``, or as `tokenizer_from`.
    """
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"{directory} has no tokenizer.json")
    stored = tokenizer_from(path)
    if not (directory / "tokenizer_config.json").is_file():
        return stored
    from distill.models.loading import load_auto_tokenizer

    made: Any = load_auto_tokenizer(directory)
    if disagreement(stored, made) is None:
        return stored
    return tokenizer_in(made.backend_tokenizer.to_str().encode(), path)


def disagreement(stored: Tokenizer, made: PreTrainedTokenizerBase) -> str | None:
    """A word of `PROBE` that a tokenizer.json and what `transformers` made of its folder read
    differently, with both readings; None: there is none."""
    for word in PROBE.split():
        pieces, others = stored.encode(word, add_special_tokens=False).tokens, made.tokenize(word)
        if pieces != others:
            return f"{word!r} is {' '.join(pieces)} in the one, {' '.join(others)} in the other"
    return None


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
    pairs = dict.fromkeys((each.tokens["cls"], each.tokens["sep"]) for each in FAMILIES.values())
    for pair in pairs:
        ids = ids_of(tokenizer, pair)
        if len(ids) == len(pair):
            return ids[0], ids[1]
    expected = ", or ".join(" and ".join(pair) for pair in pairs)
    raise UserError(f"the tokenizer has no tokens around a text (expected {expected})")


def ids_of(tokenizer: Tokenizer, names: Iterable[str]) -> list[int]:
    """The ids of those of ``names`` that the tokenizer has, in their order."""
    ids = (tokenizer.token_to_id(name) for name in names)
    return [number for number in ids if number is not None]


def pair_separators(tokenizer: Tokenizer) -> int:
    """How many separators stand between two texts, as the tokenizer itself joins them; as its model
    type does where it joins none: 1, RoBERTa's 2."""
    added = tokenizer.num_special_tokens_to_add(True)  # the opening, those between, the closing
    if added > 2:
        return int(added) - 2
    known = [each for each in FAMILIES.values() if ids_of(tokenizer, [each.tokens["cls"]])]
    return known[0].pair_separators if known else 2
