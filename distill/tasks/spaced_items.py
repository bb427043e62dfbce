"""A few of many: evenly spaced, so that every part of a file has its share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spaced(items: Sequence[T], limit: int | None) -> list[T]:
    """Up to ``limit`` items, the first among them; all where it is None."""
    limit = len(items) if limit is None else min(limit, len(items))
    return [items[index * len(items) // limit] for index in range(limit)]
