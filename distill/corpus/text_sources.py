"""Where unlabelled text comes from: files of lines, JSON lines, or a data set of the hub.

A source is a file (``.txt``, any of them as ``.gz``, ``.jsonl`` with a ``text`` field), a folder
that `datasets` saved, or ``hub:NAME``, ``hub:NAME:CONFIG`` or ``hub:NAME:CONFIG:SPLIT``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from distill.console.errors import UserError
from distill.console.text_lines import COLUMN, read_lines
from distill.corpus import hub
from distill.models.fingerprint import file_digest, folder_digest


def read_texts(sources: Iterable[str], any_size: bool = False) -> Iterator[str]:
    """The texts of all sources, one after the other, none of them empty; ``any_size`` takes lines
    of any length and .gz files that inflate to any size.

    Raises:
        UserError: as `read_lines` and `read_dataset`.
    """
    for source in sources:
        path = Path(source)
        if source.startswith(hub.PREFIX) or path.is_dir():
            yield from read_dataset(source)
        else:
            yield from read_lines(path, any_size)


def describe(sources: Iterable[str]) -> list[dict[str, object]]:
    """Name, size and content of every source, as far as they are on this machine.

    Raises:
        UserError: there is no such file.
    """
    described = []
    for source in sources:
        path = Path(source)
        if not source.startswith(hub.PREFIX) and not path.exists():
            raise UserError(f"{path}: no such file")
        if path.is_file():
            size, digest = path.stat().st_size, file_digest(path)
            described.append({"name": path.name, "bytes": size, "content": digest})
        else:
            folder = folder_digest(path) if path.is_dir() else None
            described.append({"name": source, "bytes": None, "content": folder})
    return described


def read_dataset(source: str) -> Iterator[str]:
    """The ``text`` column of a data set of the hub, streamed, or of a folder saved on disk.

    Raises:
        UserError: `datasets` is not installed, the data set cannot be loaded, or it has no
            such column.
    """
    try:
        import datasets
    except ImportError:
        raise UserError(
            f"{source}: needs the package `datasets`: install the extra `hub`"
        ) from None
    try:
        if source.startswith(hub.PREFIX):
            name, config, split = [*source.removeprefix(hub.PREFIX).split(":"), "", ""][:3]
            rows = datasets.load_dataset(
                name, config or None, split=split or "train", streaming=True
            )
        else:
            rows = datasets.load_from_disk(source)
    except Exception as error:  # datasets, the hub's client and httpx share no base class
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{source}: this data set cannot be loaded ({reason})") from None
    if isinstance(rows, dict):
        raise UserError(f"{source}: holds splits ({', '.join(rows)}); name the folder of one")
    if rows.column_names and COLUMN not in rows.column_names:
        raise UserError(f"{source}: has no column {COLUMN!r}, only {rows.column_names}")
    for number, row in enumerate(rows):
        text = row[COLUMN] or ""
        if not isinstance(text, str):
            raise UserError(f"{source}, row {number}: {COLUMN!r} is not a text: {text!r}")
        if text.strip():
            yield text.strip()
