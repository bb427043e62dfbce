"""Texts in portions of bounded size, so that the memory of tokenization does not follow its input.

An encoding takes some 130 bytes a character: what matters is how many characters are on the way,
not how many texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from distill.console.text_lines import LONGEST_PIECE

PORTION_TEXTS, PORTION_CHARACTERS = 2000, 2**19


def pieces(text: str) -> Iterator[str]:
    """A text, or its parts of at most `LONGEST_PIECE` characters, cut at spaces if it has any."""
    start = 0
    while len(text) - start > LONGEST_PIECE:
        end = start + LONGEST_PIECE
        space = text.rfind(" ", start + LONGEST_PIECE // 2, end)
        end = end if space < 0 else space
        yield text[start:end]
        start = end if space < 0 else space + 1
    yield text[start:] if start else text


def portions(texts: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
    """Lists of pieces, each with the number of its text. None has more than `PORTION_TEXTS` of them
    or, but for its last piece, `PORTION_CHARACTERS` characters."""
    portion: list[tuple[int, str]] = []
    characters = 0
    for number, text in enumerate(texts):
        for piece in pieces(text):
            portion.append((number, piece))
            characters += len(piece)
            if len(portion) >= PORTION_TEXTS or characters >= PORTION_CHARACTERS:
                yield portion
                portion, characters = [], 0
    if portion:
        yield portion
