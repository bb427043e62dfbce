"""A checkpoint under the tokenizer of another one, so that the two can learn from each other: what
a student is taught token by token must be the same tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer

from distill.console.bounded_files import read_object
from distill.console.errors import UserError
from distill.models.loading import load_auto_tokenizer, load_reporting
from distill.models.tokenizer import load_tokenizer
from distill.students.sizes import Change, OtherVocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROLES = ("pad", "unk", "cls", "sep", "mask", "bos", "eos")


def with_vocabulary_of(source: Path, other: Path) -> tuple[PreTrainedModel, OtherVocabulary]:
    """The encoder of the checkpoint ``source``, without a head, for the tokenizer of ``other``.

    An entry that both have keeps its vector; a special token takes that of the token with its role
    (``[CLS]`` that of ``<s>``); any other entry takes the mean of the pieces that the former
    tokenizer spells it with. MPNet counts positions without entry 1, whatever that is: under
    another vocabulary it should be one that hardly occurs.

    Raises:
        UserError: tokenizers of two kinds, whose entries do not mean the same, or weights that
            cannot be read.
    """
    from transformers import AutoModel

    kinds = [
        read_object(folder / "tokenizer.json")["model"].get("type") for folder in (source, other)
    ]
    if kinds[0] != kinds[1]:
        raise UserError(
            f"{source} has a {kinds[0]} tokenizer and {other} a {kinds[1]} one: their entries do "
            "not mean the same, and one cannot take the vocabulary of the other"
        )
    model, _ = load_reporting(AutoModel, source)
    before = model.num_parameters()
    rows = _rows(load_tokenizer(source), load_tokenizer(other), _roles(source, other))
    former = _word_vectors(model)
    embeddings = torch.stack([former[ids].mean(0) for ids in rows])
    model.resize_token_embeddings(len(rows), mean_resizing=False)
    _word_vectors(model).copy_(embeddings)
    special = load_auto_tokenizer(other)
    for role in ROLES:
        if hasattr(model.config, f"{role}_token_id"):
            setattr(model.config, f"{role}_token_id", getattr(special, f"{role}_token_id", None))
    spelled = sum(len(ids) > 1 for ids in rows)
    return model, OtherVocabulary(
        entries=Change(len(former), len(rows)),
        spelled_by_others=spelled,
        parameters=Change(before, model.num_parameters()),
    )


def _word_vectors(model: PreTrainedModel) -> torch.Tensor:
    """(entries, width)."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight.data


def _roles(source: Path, other: Path) -> dict[str, str]:
    """The special tokens of ``other``, by the token of ``source`` with the same role."""
    new_tokens, former_tokens = (load_auto_tokenizer(folder) for folder in (other, source))
    names = [
        (getattr(new_tokens, f"{r}_token"), getattr(former_tokens, f"{r}_token")) for r in ROLES
    ]
    return {name: former for name, former in names if name and former}


def _rows(former: Tokenizer, tokenizer: Tokenizer, roles: dict[str, str]) -> list[list[int]]:
    """The former ids that make up each entry, in the order of the new ids."""
    known = former.get_vocab()
    unknown = [known[former_name] for former_name in roles.values() if former_name in known][:1]
    rows = []
    for name, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        entry = roles.get(name, name)
        rows.append([known[entry]] if entry in known else _spelled(former, entry) or unknown)
    return rows


def _spelled(former: Tokenizer, entry: str) -> list[int]:
    """The ids that spell an entry, which may be the inside of a word: the model alone splits it,
    since a pre-tokenizer would take its mark (``##``, ``\u0120``, ``\u2581``) for text."""
    text = entry.removeprefix(getattr(former.model, "continuing_subword_prefix", None) or "")
    if former.normalizer is not None:
        text = former.normalizer.normalize_str(text)
    return [token.id for token in former.model.tokenize(text)]
