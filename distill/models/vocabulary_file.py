"""vocab.txt: the entries of a tokenizer, one a line, the number of the line its id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write_vocabulary(directory: Path, entries: Sequence[str]) -> None:
    """Write the file into ``directory``; not where an entry holds a line break, since the file has
    one entry a line; tokenizer.json beside it has every entry."""
    if not any("\n" in entry or "\r" in entry for entry in entries):
        text = "".join(f"{entry}\n" for entry in entries)
        (directory / "vocab.txt").write_text(text, encoding="utf-8")
