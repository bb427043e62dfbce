"""Rows of a data set of the hub, or of a folder: one that `datasets` saved, or one that holds files
of CSV, JSON lines or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from distill.console.errors import UserError
from distill.corpus import hub

TRAIN = "train"
SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` leaves

Row = dict[str, Any]


class Source(NamedTuple):
    """A data set by its name on the hub, or a folder; a configuration and a split, if named."""

    place: str
    config: str | None
    split: str | None
    on_hub: bool


def data_set(path: str) -> Source | None:
    """What ``hub:NAME[:CONFIG[:SPLIT]]``, ``FOLDER`` or ``FOLDER:SPLIT`` names; None for a file."""
    if path.startswith(hub.PREFIX):
        name, config, split = [*path.removeprefix(hub.PREFIX).split(":", 2), "", ""][:3]
        return Source(name, config or None, split or None, on_hub=True)
    if Path(path).is_dir():
        return Source(path, None, None, on_hub=False)
    folder, _, split = path.rpartition(":")
    if folder and Path(folder).is_dir():
        return Source(folder, None, split, on_hub=False)
    return None


def read_data_set(source: Source, training: bool = False) -> list[Row]:
    """All rows of a split, the numbers of classes as their names, None where a row has none.

    Where none is named, the only one; of several that to train on, if it is for ``training``.

    Raises:
        UserError: `datasets` is not installed, the data set cannot be loaded, or a split must be
            named.
    """
    try:
        import datasets
    except ImportError:
        raise UserError(
            f"{source.place}: a folder or a data set of the hub needs the package `datasets`: "
            "install the extra `hub`"
        ) from None
    try:
        if source.on_hub:
            loaded = datasets.load_dataset(source.place, source.config, split=source.split)
        elif any((Path(source.place) / name).is_file() for name in SAVED):
            loaded = datasets.load_from_disk(source.place)
        else:
            loaded = datasets.load_dataset(source.place)
    except Exception as error:  # datasets, the hub's client and httpx share no base class
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{source.place}: cannot be loaded as a data set ({reason})") from None
    rows = _split(loaded, source, training) if isinstance(loaded, dict) else loaded
    if not len(rows):
        raise UserError(f"{source.place}: has no rows")
    names = {column: _names_of(kind) for column, kind in rows.features.items()}
    return [{c: _named(value, names[c]) for c, value in row.items()} for row in rows]


def _split(loaded: Any, source: Source, training: bool) -> Any:
    known = list(loaded)
    wanted = source.split or (known[0] if len(known) == 1 else TRAIN if training else None)
    if wanted in known:
        return loaded[wanted]
    named = f"{hub.PREFIX}{source.place}:{source.config or ''}" if source.on_hub else source.place
    raise UserError(
        f"{source.place}: {f'has no split {wanted!r}' if wanted else 'holds several splits'}; name "
        f"one as {named}:SPLIT (it has {', '.join(known)})"
    )


def _names_of(kind: object) -> list[str] | None:
    """The names of the classes in a column, or in the lists of a column; None: it has numbers."""
    return getattr(kind, "names", None) or getattr(getattr(kind, "feature", None), "names", None)


def _named(value: Any, names: list[str] | None) -> Any:
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [_named(number, names) for number in value]
    return names[value] if value >= 0 else None  # -1: a row without label
