"""Texts in portions of bounded size, so that the memory of tokenization does not follow its input.

An encoding takes some 130 bytes a character: what matters is how many characters are on the way,
not how many texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PORTION_TEXTS, PORTION_CHARACTERS = 2000, 2**19
LONGEST_PIECE = 2**16
"""A longer text is cut at a space before it: sequences are cut every 510 tokens anyway, and a
piece gives some 30 of them."""


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


def byte_pieces(line: bytes) -> Iterator[bytes]:
    """As `pieces`, of UTF-8 that is not decoded yet: a long line is never held as text."""
    start = 0
    while len(line) - start > LONGEST_PIECE:
        end = start + LONGEST_PIECE
        space = line.rfind(b" ", start + LONGEST_PIECE // 2, end)
        if space > 0:
            end = space + 1
        else:  # between two characters
            end = next((i for i in range(end, end - 4, -1) if line[i] & 0xC0 != 0x80), end)
        yield line[start:end]
        start = end
    yield line[start:]


def portions(texts: Iterable[str]) -> Iterator[list[str]]:
    """Lists of pieces, none with more than `PORTION_TEXTS` of them or, but for its last piece,
    `PORTION_CHARACTERS` characters."""
    portion: list[str] = []
    characters = 0
    for text in texts:
        for piece in pieces(text):
            portion.append(piece)
            characters += len(piece)
            if len(portion) >= PORTION_TEXTS or characters >= PORTION_CHARACTERS:
                yield portion
                portion, characters = [], 0
    if portion:
        yield portion
