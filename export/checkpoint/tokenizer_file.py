"""The tokenizer of a checkpoint as `transformers` reads it, written as one tokenizer.json.

`AutoTokenizer` decides where tokenizer.json and tokenizer_config.json disagree, and makes the fast
form of older files; what it has no fast form of is refused.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.bounded_files import read_object
from distill.console.errors import UserError
from distill.families.family import BERT_TOKENS
from distill.models.tokenizer import check_truncation
from export.checkpoint.reading import TOKENIZER_FILES, Checkpoint

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL_TOKENS = dict(BERT_TOKENS)
NEEDED = ("pad", "cls", "sep")
KINDS = {"WordPiece": "wordpiece", "BPE": "bpe", "Unigram": "unigram"}
PROBE = "a"
WEIGHTS = (".safetensors", ".bin")

Content = dict[str, Any]


def read_tokenizer(checkpoint: Checkpoint) -> Content:
    """The content of the checkpoint's tokenizer.json, set to neither pad nor truncate.

    Raises:
        UserError: there is none that `transformers` can read into a fast form, its kind is not
            supported, a special token is missing, texts are encoded without them, or it has ids
            that the model's word embeddings do not.
    """
    made, file = _automatic(checkpoint)
    content: Content = json.loads(file)
    _check(made, content, checkpoint)
    return content


def _content(made: object, path: Path) -> Content:
    backend = getattr(made, "backend_tokenizer", None)
    if backend is None:
        raise UserError(
            f"{path}: a {type(made).__name__} has no fast form (tokenizer.json), so it cannot be "
            "exported"
        )
    content: Content = json.loads(backend.to_str())
    kind = content["model"]["type"]
    if kind not in KINDS:
        raise UserError(
            f"{path}: a {kind} tokenizer is not supported (expected {', '.join(KINDS)})"
        )
    content["padding"] = content["truncation"] = None
    _check_file(content, path / "tokenizer.json")
    return content


def tokenizer_kind(content: Content) -> str:
    """``wordpiece``, ``bpe`` or ``unigram``."""
    return KINDS[content["model"]["type"]]


def vocabulary_of(content: Content) -> list[str]:
    """The entries of a tokenizer by id, added tokens among them; an id without entry is ''."""
    stored = content["model"]["vocab"]
    pairs = (
        stored.items()
        if isinstance(stored, dict)
        else [(piece, index) for index, (piece, _) in enumerate(stored)]
    )
    by_id = {index: entry for entry, index in pairs}
    by_id |= {token["id"]: token["content"] for token in content["added_tokens"]}
    return [by_id.get(index, "") for index in range(max(by_id) + 1)]


def special_ids(checkpoint: Checkpoint) -> dict[str, int]:
    """The ids of padding and of the other special tokens that the tokenizer names."""
    made, _ = _automatic(checkpoint)
    ids = {key: getattr(made, f"{key}_token_id") for key in SPECIAL_TOKENS}
    return {key: int(value) for key, value in ids.items() if value is not None}


def pair_separators(content: Content) -> int:
    """How many separators the tokenizer puts between two texts."""
    from tokenizers import Tokenizer

    coded = Tokenizer.from_str(json.dumps(content)).encode(PROBE, PROBE)
    special = coded.special_tokens_mask
    first = special.index(0)
    between = special[special.index(1, first) :]
    return between.index(0)


def tokenizer_of(checkpoint: Checkpoint) -> Tokenizer:
    """The checkpoint's tokenizer, ready to encode.

    Raises:
        UserError: as `read_tokenizer`.
    """
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps(read_tokenizer(checkpoint)))


def file_content(tokenizer: Content) -> bytes:
    """The bytes of the tokenizer.json of a bundle."""
    return json.dumps(tokenizer, ensure_ascii=False).encode()


def fingerprint(file: bytes, version: int) -> str:
    """``tokenizer_sha256`` of a model.json: SHA-256 of the bytes of tokenizer.json. Version 1 has
    that of its content, whatever the order of its entries."""
    if version == 1:
        file = json.dumps(json.loads(file), sort_keys=True).encode()
    return hashlib.sha256(file).hexdigest()


def lower_case(tokenizer: Content) -> bool:
    """Whether the tokenizer lower-cases its text."""
    from tokenizers import Tokenizer

    normalizer = Tokenizer.from_str(json.dumps(tokenizer)).normalizer
    return normalizer is not None and "a" in normalizer.normalize_str("A")


def _automatic(checkpoint: Checkpoint) -> tuple[object, str]:
    """What `AutoTokenizer` makes of the checkpoint's files, and the same as JSON."""
    directory = checkpoint.tokenizer_directory
    if directory is None:
        raise UserError(
            f"{checkpoint.name}: no {' and no '.join(TOKENIZER_FILES[:2])} with the weights"
        )
    files = [file for file in sorted(directory.iterdir()) if file.suffix not in WEIGHTS]
    stamps = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return _loaded(directory, tuple(stamps))


@lru_cache(maxsize=1)
def _loaded(directory: Path, stamps: tuple[tuple[str, int, int], ...]) -> tuple[object, str]:
    """An export asks for its tokenizer several times; it is read again where a file changed."""
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(directory, trust_remote_code=False)
    except Exception as error:  # tokenizers raises Exception itself
        reason = next((line for line in str(error).splitlines() if line), type(error).__name__)
        named = _class_without_fast_form(directory)
        if named:
            reason = f"a {named} has no fast form, tokenizer.json, so it cannot be exported"
        raise UserError(f"{directory}: no usable tokenizer ({reason})") from None
    check_truncation(made, directory)
    return made, json.dumps(_content(made, directory))


def _class_without_fast_form(directory: Path) -> str | None:
    """The class that tokenizer_config.json names, where `transformers` has it in Python alone."""
    import transformers

    path = directory / "tokenizer_config.json"
    named = read_object(path).get("tokenizer_class") if path.is_file() else None
    kind = getattr(transformers, str(named), None)
    fast = transformers.PreTrainedTokenizerFast
    return str(named) if isinstance(kind, type) and not issubclass(kind, fast) else None


def _check_file(content: Content, path: Path) -> None:
    """`transformers` makes up for a vocabulary that it cannot use: with another, or with special
    tokens of its own at new ids.

    Raises:
        UserError: tokenizer.json has another kind or vocabulary than what was made of it.
    """
    if not path.is_file():
        return
    stored = read_object(path)
    try:
        kind, vocabulary = stored["model"]["type"], stored["model"]["vocab"]
        added = {token["content"]: token["id"] for token in stored["added_tokens"]}
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: no usable tokenizer ({error!r})") from None
    if kind != content["model"]["type"]:
        made = content["model"]["type"]
        raise UserError(f"{path}: a {kind} tokenizer, of which transformers makes a {made} one")
    known = added if not isinstance(vocabulary, dict) else {**vocabulary, **added}
    for token in content["added_tokens"]:
        if isinstance(vocabulary, dict) and token["content"] not in known:
            raise UserError(f"{path}: no {token['content']} in the vocabulary")
        if added.get(token["content"], token["id"]) != token["id"]:
            raise UserError(
                f"{path}: {token['content']} has the id {added[token['content']]}, but "
                f"transformers reads {token['id']}"
            )
    if vocabulary != content["model"]["vocab"]:
        raise UserError(f"{path}: its vocabulary is not the one that transformers reads")


def _check(made: object, content: Content, checkpoint: Checkpoint) -> None:
    path, size = checkpoint.tokenizer_directory, checkpoint.config.vocabulary
    ids = {key: getattr(made, f"{key}_token_id") for key in NEEDED}
    missing = [key for key, value in ids.items() if value is None]
    if missing:
        raise UserError(f"{path}: the tokenizer has no {missing[0]} token")
    entries = vocabulary_of(content)
    if len(entries) > size:
        raise UserError(
            f"{path}: the tokenizer has {len(entries)} entries ({entries[-1]!r} is the last), but "
            f"the model of {checkpoint.name} has {size}: it is the tokenizer of another model, "
            "or tokens were added without resizing the model"
        )
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(json.dumps(content))
    for text in ((PROBE,), (PROBE, PROBE)):
        coded = tokenizer.encode(*text).ids
        if coded[:1] != [ids["cls"]] or coded[-1:] != [ids["sep"]]:
            raise UserError(
                f"{path}: the tokenizer puts no special tokens around a text (its "
                "post_processor), which this model needs"
            )
