"""IMDb: folders, JSONL and TSV give the same reviews; what is broken is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from distill.console.errors import UserError
from distill.tasks.imdb import load_examples

REVIEWS = [("A dull film.<br /><br />Avoid it.", 0), ("Not bad at all.", 1)]


def folders(directory: Path) -> None:
    for number, (text, label) in enumerate(REVIEWS):
        folder = directory / "test" / ("neg", "pos")[label]
        folder.mkdir(parents=True)
        (folder / f"{number}_7.txt").write_text(text, encoding="utf-8")


def jsonl(directory: Path) -> None:
    lines = [json.dumps({"text": text, "label": label}) for text, label in REVIEWS]
    with gzip.open(directory / "test.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def tsv(directory: Path) -> None:
    lines = [f"{('neg', 'pos')[label]}\t{text}" for text, label in REVIEWS]
    (directory / "test.tsv").write_text("\n".join(["label\ttext", *lines]), encoding="utf-8")


@pytest.mark.parametrize("write", [folders, jsonl, tsv])
def test_every_layout_gives_the_same_reviews(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path)
    found = [(e.sentence1, e.sentence2, e.label) for e in load_examples("test", tmp_path)]
    assert found == [("A dull film.  Avoid it.", None, 0), ("Not bad at all.", None, 1)]


def test_reviews_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folders(tmp_path)
    for number in (10, 9, 2):
        (tmp_path / "test" / "neg" / f"{number}_1.txt").write_text(f"review {number}")
    texts = [example.sentence1 for example in load_examples("test", tmp_path)]
    assert texts[1:4] == ["review 2", "review 9", "review 10"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "good", "label": 2}', "test.jsonl, line 2: 2 is not a label"),
        ('{"text": "good", "label": true}', "line 2: True is not a label"),
        ('{"text": "good"}', "line 2: not an object with a text and a label"),
        ('{"text": "good", ', "line 2: not JSON"),
        ('{"text": " ", "label": 1}', "line 2: the review is empty"),
        ('{"text": "a \\ud83d", "label": 1}', "line 2: .* half of a surrogate pair"),
    ],
)
def test_a_broken_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text('{"text": "fine", "label": "pos"}\n' + line)
    with pytest.raises(UserError, match=message):
        load_examples("test", tmp_path)


def test_missing_and_empty_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"has no reviews \(expected test/neg and test/pos, test.jsonl"
    ):
        load_examples("test", tmp_path)
    (tmp_path / "test.jsonl").write_text("\n\n")
    with pytest.raises(UserError, match="has no rows"):
        load_examples("test", tmp_path)
    (tmp_path / "test" / "neg").mkdir(parents=True)
    with pytest.raises(UserError, match=r"neg: has no .txt file"):
        load_examples("test", tmp_path)
