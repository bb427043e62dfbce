"""The tokenizer of a checkpoint, read from files that may be old, odd or broken."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.errors import UserError
from export.checkpoint.reading import Checkpoint

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL_TOKENS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}

Content = dict[str, Any]


def read_tokenizer(checkpoint: Checkpoint) -> Content:
    """The content of the checkpoint's tokenizer.json, set to neither pad nor truncate; made from
    vocab.txt where a checkpoint has only that, as those of BERT's time do.

    Raises:
        UserError: there is neither, it is no WordPiece tokenizer, or its ids are not 0, 1, 2, …
            within the model's word embeddings.
    """
    directory = checkpoint.tokenizer_directory
    if directory is None:
        raise UserError(f"{checkpoint.name}: no tokenizer.json and no vocab.txt with the weights")
    path = directory / "tokenizer.json"
    try:
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
        else:
            path = directory / "vocab.txt"
            content = _from_vocabulary(path)
        kind = content["model"]["type"]
        if kind != "WordPiece":
            raise UserError(f"{path}: a {kind} tokenizer, not WordPiece")
        _check(content["model"]["vocab"], path, checkpoint)
        content["padding"] = content["truncation"] = None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: no usable tokenizer ({error!r})") from None
    return dict(content)


def tokenizer_of(checkpoint: Checkpoint) -> Tokenizer:
    """The checkpoint's tokenizer, ready to encode.

    Raises:
        UserError: as `read_tokenizer`, or a part of it is not known.
    """
    from tokenizers import Tokenizer

    content = json.dumps(read_tokenizer(checkpoint))
    try:
        return Tokenizer.from_str(content)
    except Exception as error:  # tokenizers raises Exception itself
        raise UserError(f"{checkpoint.name}: no usable tokenizer ({error})") from None


def fingerprint(tokenizer: Content) -> str:
    """SHA-256 of a tokenizer's content, whatever the order of its entries."""
    return hashlib.sha256(json.dumps(tokenizer, sort_keys=True).encode()).hexdigest()


def lower_case(tokenizer: Content) -> bool:
    """Whether the tokenizer lower-cases its text."""
    normalizer = tokenizer.get("normalizer")
    return bool(normalizer.get("lowercase", False)) if isinstance(normalizer, dict) else False


def _check(vocabulary: dict[str, int], path: Path, checkpoint: Checkpoint) -> None:
    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if missing:
        raise UserError(f"{path}: no {missing[0]} in the vocabulary")
    # vocab.txt gives an entry its id by its line.
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise UserError(f"{path}: the ids of the vocabulary are not 0 to {len(vocabulary) - 1}")
    if len(vocabulary) > checkpoint.config.vocabulary:
        raise UserError(
            f"{path}: {len(vocabulary)} entries, but the model of {checkpoint.name} has "
            f"{checkpoint.config.vocabulary}; the tokenizer of another model?"
        )


def _from_vocabulary(path: Path) -> Content:
    """What `transformers` makes of a BERT vocabulary: case, accents and Chinese characters are in
    tokenizer_config.json."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    entries = path.read_text(encoding="utf-8").split("\n")
    vocabulary = {entry.rstrip("\r"): i for i, entry in enumerate(entries) if entry.rstrip("\r")}
    config = path.with_name("tokenizer_config.json")
    settings = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens([t for t in SPECIAL_TOKENS.values() if t in vocabulary])
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return dict(json.loads(tokenizer.to_str()))
