"""Labels that are one although they are spelled in two ways: data is written by many hands."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from unicodedata import category, normalize

from distill.console.errors import UserError

INVISIBLE = "Cf"  # category of Unicode: zero-width characters, marks of direction


@lru_cache(maxsize=4096)
def label_key(name: str) -> str:
    """A name without what nobody sees or means: case, blanks, zero-width characters, and whether
    an accent is a character of its own."""
    seen = "".join(letter for letter in name if category(letter) != INVISIBLE)
    return normalize("NFC", " ".join(seen.split()).casefold())


def check_alike(names: Iterable[str]) -> None:
    """Raises:
    UserError: two of the names have one key.
    """
    for one, other in pairwise(sorted(names, key=lambda name: (label_key(name), name))):
        if one.casefold() == other.casefold():
            raise UserError(f"the labels {one} and {other} differ in case alone")
        if label_key(one) == label_key(other):
            raise UserError(
                f"the labels {one!a} and {other!a} look alike (blanks, invisible characters or "
                "accents differ): spell them in one way"
            )
