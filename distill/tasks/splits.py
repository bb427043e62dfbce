"""Rows kept apart, chosen by a hash of their text: the same in every run, and equal texts go
together, so that none is on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def split_by_text(
    rows: Iterable[Row], share: float, text: Callable[[Row], str], purpose: str = ""
) -> tuple[list[Row], list[Row]]:
    """The rows that stay, and about ``share`` of them that are kept apart. Another ``purpose``
    keeps other rows apart."""
    kept: list[Row] = []
    apart: list[Row] = []
    for row in rows:
        digest = hashlib.sha256((purpose + text(row)).encode("utf-8", "surrogatepass")).digest()
        number = int.from_bytes(digest[:4], "big") / 2**32
        (apart if number < share else kept).append(row)
    return kept, apart
