"""IMDb film reviews (Maas et al., ACL 2011): the official folders, JSONL, TSV, or the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.console.bounded_files import LONGEST_ROW, check_sizes, json_lines, read_text
from distill.console.errors import UserError
from distill.corpus import hub
from distill.tasks import glue
from distill.tasks.glue import GlueExample

LABELS = ("neg", "pos")
HUB_DATASET = "stanfordnlp/imdb"
SUFFIXES = (".jsonl", ".jsonl.gz", ".tsv", ".tsv.gz")
BREAK = "<br />"  # the reviews are HTML to this extent


def load_examples(split: str, directory: Path | str) -> list[GlueExample]:
    """Reviews of ``split`` ("train" or "test"), ``label`` 0 for negative and 1 for positive.

    ``directory`` is ``"hub"``, or a folder with either ``<split>/neg/*.txt`` and
    ``<split>/pos/*.txt`` (the official archive), or ``<split>.jsonl`` (objects with ``text`` and
    ``label``) or ``<split>.tsv`` (a header with the same names), plain or gzipped. A label is 0,
    1, "neg" or "pos".

    Raises:
        UserError: none of these is there, or a row is broken; named with its line.
    """
    if directory == hub.NAME:
        rows, _ = hub.load_rows(HUB_DATASET, None, split)
        place = f"{HUB_DATASET} {split}"
        return [_review(r["text"], r["label"], f"{place}, row {i}") for i, r in enumerate(rows)]
    folder = Path(directory)
    if (folder / split).is_dir():
        return list(_from_folders(folder / split))
    for suffix in SUFFIXES:
        path = folder / f"{split}{suffix}"
        if path.is_file():
            return _from_tsv(path) if ".tsv" in suffix else _from_jsonl(path)
    raise UserError(
        f"{folder}: has no reviews (expected {split}/neg and {split}/pos, {split}.jsonl or "
        f"{split}.tsv); name the folder with --data"
    )


def _from_folders(folder: Path) -> Iterator[GlueExample]:
    for name in LABELS:
        # By review number: the order of a directory differs from machine to machine.
        paths = sorted((folder / name).glob("*.txt"), key=lambda path: (len(path.name), path.name))
        if not paths:
            raise UserError(f"{folder / name}: has no .txt file")
        check_sizes(folder / name, paths)
        for path in paths:
            yield _review(read_text(path, LONGEST_ROW), name, str(path))


def _from_tsv(path: Path) -> list[GlueExample]:
    # The columns and rules of a GLUE file of single sentences; only the spelling of labels differs.
    task = glue.GlueTask("", "text", None, "label", (*LABELS, "0", "1"), ())
    return [
        _review(row.sentence1, LABELS[int(row.label) % 2], f"{path}")
        for row in glue.read_examples(task, path)
    ]


def _from_jsonl(path: Path) -> list[GlueExample]:
    examples = [_from_object(row, place) for place, row in json_lines(read_text(path), path)]
    if not examples:
        raise UserError(f"{path}: has no rows")
    return examples


def _from_object(row: dict[str, Any], place: str) -> GlueExample:
    if not isinstance(row.get("text"), str) or "label" not in row:
        raise UserError(f"{place}: not an object with a text and a label")
    try:
        row["text"].encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise UserError(f"{place}: {half!r} is half of a surrogate pair") from None
    return _review(row["text"], row["label"], place)


def _review(text: str, label: object, place: str) -> GlueExample:
    names = (*LABELS, "0", "1")
    if str(label) not in names or isinstance(label, bool):
        raise UserError(f"{place}: {label!r} is not a label (expected {' or '.join(names)})")
    if not text.strip():
        raise UserError(f"{place}: the review is empty")
    return GlueExample(text.replace(BREAK, " "), None, names.index(str(label)) % 2)
