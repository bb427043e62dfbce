"""Portions are bounded by characters, and lose none."""

from __future__ import annotations

import pytest

from distill.console.text_lines import LONGEST_PIECE, byte_pieces
from distill.corpus.portions import PORTION_CHARACTERS, pieces, portions


@pytest.mark.parametrize("text", ["", "short", "word " * 100_000, "x" * 200_001])
def test_pieces_hold_the_whole_text(text: str) -> None:
    cut = list(pieces(text))
    assert max(map(len, cut)) <= LONGEST_PIECE
    joined = (" " if " " in text else "").join(cut)
    assert joined == text


@pytest.mark.parametrize("text", ["", "word " * 100_000, "東京" * 60_000, "x" + "é" * 99_999])
def test_pieces_of_bytes_hold_the_whole_line(text: str) -> None:
    cut = [piece.decode("utf-8") for piece in byte_pieces(text.encode())]
    assert "".join(cut) == text
    assert max(len(piece.encode()) for piece in cut) <= LONGEST_PIECE


def test_portions_are_bounded_whatever_the_texts_are() -> None:
    for texts in (["short text"] * 5000, ["word " * 40_000] * 20, ["x" * 3_000_000]):
        numbered = list(portions(texts))
        assert {number for portion in numbered for number, _ in portion} == set(range(len(texts)))
        found = [[piece for _, piece in portion] for portion in numbered]
        assert all(len(portion) <= 2000 for portion in found)
        assert all(sum(map(len, p)) < PORTION_CHARACTERS + LONGEST_PIECE for p in found)
        characters = sum(len(text.replace(" ", "")) for text in texts)
        assert sum(len(t.replace(" ", "")) for p in found for t in p) == characters
