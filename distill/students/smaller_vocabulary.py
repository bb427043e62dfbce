"""A tokenizer with fewer entries: the commonest of a text, and what is needed to spell the rest.

Everything here works on the content of a ``tokenizer.json``. What is kept differs by the kind of
tokenizer, one record each in `SPELLING`: an entry is worth nothing when it can no longer be
reached, and a character without an entry becomes the unknown token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tokenizers import Tokenizer

from distill.console.errors import UserError

BATCH = 1000

Content = dict[str, Any]


def count_ids(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[int]:
    """How often each id occurs in the texts, special tokens not counted."""
    counts: Counter[int] = Counter()
    remaining = iter(texts)
    while batch := list(islice(remaining, BATCH)):
        for encoding in tokenizer.encode_batch(batch, add_special_tokens=False):
            counts.update(encoding.ids)
    return counts


def entries(content: Content) -> dict[str, int]:
    """Every entry of a tokenizer.json with its id, added tokens included.

    Raises:
        UserError: a kind of tokenizer that is not in `SPELLING`.
    """
    model = content["model"]
    if model.get("type") not in SPELLING:
        raise UserError(
            f"a {model.get('type')} tokenizer cannot be trimmed (expected {', '.join(SPELLING)})"
        )
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):
        vocabulary = {piece: number for number, (piece, _) in enumerate(vocabulary)}
    return {**vocabulary, **{token["content"]: token["id"] for token in content["added_tokens"]}}


def unknown_ids(content: Content, by_entry: Mapping[str, int]) -> set[int]:
    """The id of the unknown token; none where every text can be spelled."""
    model = content["model"]
    number = model.get("unk_id", by_entry.get(model.get("unk_token") or ""))
    return set() if number is None else {number}


def commonest(content: Content, counts: Counter[int]) -> list[int]:
    """All ids, the commonest first; those that do not occur in their own order, since the entries
    of a vocabulary are mostly sorted by how common they are."""
    return sorted(entries(content).values(), key=lambda number: (-counts[number], number))


def covering(counts: Counter[int], coverage: float) -> list[int]:
    """The commonest ids that together cover ``coverage`` percent of all tokens counted."""
    covered, ids = 0, []
    for number, count in counts.most_common():
        if covered >= coverage / 100 * counts.total():
            break
        covered += count
        ids.append(number)
    return ids


def choose(content: Content, wanted: Iterable[int], most: int) -> list[int]:
    """The ids to keep, ascending: what spelling needs, and the first of ``wanted`` until there are
    ``most``.

    Special and added tokens and single characters stay in any case. A BPE entry brings the entries
    that its merges join.
    """
    by_entry = entries(content)
    kept = {token["id"] for token in content["added_tokens"]}
    spelling = SPELLING[content["model"]["type"]]
    kept |= {by_entry[name] for name in spelling.always(content, by_entry)}
    needs = spelling.needs(content, by_entry)
    for number in wanted:
        brought = _closure(number, needs) - kept
        if len(kept) + len(brought) <= most:
            kept |= brought
    return sorted(kept)


def _closure(number: int, needs: Mapping[int, tuple[int, ...]]) -> set[int]:
    brought, waiting = set(), [number]
    while waiting:
        each = waiting.pop()
        if each not in brought:
            brought.add(each)
            waiting.extend(needs.get(each, ()))
    return brought


def _no_needs(content: Content, by_entry: Mapping[str, int]) -> dict[int, tuple[int, ...]]:
    return {}


def _merge_needs(content: Content, by_entry: Mapping[str, int]) -> dict[int, tuple[int, ...]]:
    """The two entries that the first merge to each entry joins."""
    needs: dict[int, tuple[int, ...]] = {}
    for left, right in map(_pair, content["model"]["merges"]):
        needs.setdefault(by_entry[left + right], (by_entry[left], by_entry[right]))
    return needs


def _single_characters(content: Content, by_entry: Mapping[str, int]) -> set[str]:
    """Single characters, the bare continuation of each, and the unknown token."""
    prefix = content["model"].get("continuing_subword_prefix") or ""
    single = {name for name in by_entry if len(name.removeprefix(prefix)) == 1 or len(name) == 1}
    return single | {content["model"].get("unk_token")} & by_entry.keys()


def _characters_and_bytes(content: Content, by_entry: Mapping[str, int]) -> set[str]:
    """Single characters, and where there is an unknown token it and the bytes that stand for
    characters without an entry."""
    kept, unknown = _single_characters(content, by_entry), content["model"].get("unk_id")
    if unknown is None:
        return kept
    fallback = {name for name in by_entry if name.startswith("<0x")}
    return kept | fallback | {content["model"]["vocab"][unknown][0]} & by_entry.keys()


@dataclass(frozen=True)
class Spelling:
    """What a kind of tokenizer needs to spell any word.

    Attributes:
        needs: for each entry, by id, the ids of the entries without which it cannot be reached.
        always: the names of the entries that stay in any case.
        vocabulary_file: whether its entries stand in a vocab.txt, too.
    """

    needs: Callable[[Content, Mapping[str, int]], dict[int, tuple[int, ...]]]
    always: Callable[[Content, Mapping[str, int]], set[str]] = _single_characters
    vocabulary_file: bool = False


SPELLING = {
    "WordPiece": Spelling(_no_needs, vocabulary_file=True),
    "BPE": Spelling(_merge_needs),
    "Unigram": Spelling(_no_needs, _characters_and_bytes),
}
"""By kind of tokenizer; no other kind can be trimmed."""


def _pair(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
    return left, right


def trimmed(content: Content, kept: Iterable[int]) -> Content:
    """The content of a tokenizer.json that has only the entries ``kept``, numbered in their
    order from 0: vocabulary, merges, added tokens, padding and post-processor."""
    new = {old: number for number, old in enumerate(kept)}
    model = dict(content["model"])
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):
        model["vocab"] = [row for old, row in enumerate(vocabulary) if old in new]
        if model.get("unk_id") is not None:
            model["unk_id"] = new[model["unk_id"]]
    else:
        model["vocab"] = {name: new[old] for name, old in vocabulary.items() if old in new}
    if "merges" in model:
        names = model["vocab"]
        model["merges"] = [
            merge
            for merge in model["merges"]
            if {*_pair(merge), "".join(_pair(merge))} <= names.keys()
        ]
    result = {**content, "model": model}
    result["added_tokens"] = [
        {**token, "id": new[token["id"]]} for token in content["added_tokens"]
    ]
    if content.get("padding"):
        padding = content["padding"]
        result["padding"] = {**padding, "pad_id": new[padding["pad_id"]]}
    result["post_processor"] = _renumbered(content.get("post_processor"), new)
    return result


def _renumbered(processor: object, new: Mapping[int, int]) -> object:
    """A post-processor with new ids: a template's special tokens, or BERT's and RoBERTa's pairs of
    token and id; a sequence of them likewise."""
    if not isinstance(processor, dict):
        return processor
    result = dict(processor)
    for key in ("sep", "cls"):
        if key in result:
            token, number = result[key]
            result[key] = [token, new[number]]
    if "special_tokens" in result:
        result["special_tokens"] = {
            name: {**special, "ids": [new[number] for number in special["ids"]]}
            for name, special in result["special_tokens"].items()
        }
    if "processors" in result:
        result["processors"] = [_renumbered(each, new) for each in result["processors"]]
    return result
