"""The tokenized corpus of a run: opened where it was made before, else made from its sources."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.atomic import clear_staged
from distill.console.errors import UserError
from distill.corpus.parts import has_parts, open_parts, part_folder, texts_of_part
from distill.corpus.shards import DESCRIPTION, Corpus, build_corpus, open_corpus
from distill.corpus.text_sources import describe, read_texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def prepare_corpus(
    sources: Sequence[str],
    tokenizer: Tokenizer,
    directory: Path,
    max_length: int,
    part: tuple[int, int] | None = None,
    any_size: bool = False,
) -> Corpus:
    """Open the corpus in ``directory``, or make it there from ``sources`` first.

    Args:
        part: make this part of it alone, as `distill.corpus.parts` has it.
        any_size: as of `distill.corpus.text_sources.read_texts`.

    Raises:
        UserError: a source cannot be read, nothing is left of them, or the directory holds a
            corpus of other sources, another tokenizer or length, or other files.
    """
    made_from: dict[str, Any] = {
        "sources": describe(sources),
        "tokenizer": hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:16],
        "max_length": max_length,
    }
    if part is None and has_parts(directory):
        corpus = open_parts(directory)
    else:
        texts = read_texts(sources, any_size)
        if part:
            directory, texts = part_folder(directory, *part), texts_of_part(texts, *part)
            made_from["part"] = "{}/{}".format(*part)
        clear_staged(directory)  # of a process that was killed when the corpus had its name
        if not (directory / DESCRIPTION).is_file():
            build_corpus(texts, tokenizer, directory, max_length, made_from)
        corpus = open_corpus(directory)
    for key, value in made_from.items():
        if corpus.description.get(key) != value:
            raise UserError(
                f"{directory} holds a corpus with {key} = {corpus.description.get(key)!r}, not "
                f"{value!r}; name another folder for this one"
            )
    return corpus
