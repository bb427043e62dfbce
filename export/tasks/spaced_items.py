"""A few of many: evenly spaced, so that every part of a file has its share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spaced(items: Sequence[T], limit: int) -> list[T]:
    """Up to ``limit`` items, the first among them."""
    limit = min(limit, len(items))
    return [items[index * len(items) // limit] for index in range(limit)]
