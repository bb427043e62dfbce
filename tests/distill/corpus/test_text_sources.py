"""Text is read from what people have (`text_sources`, and `text_lines` of the console), and what
cannot be read is named with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from distill.console import text_lines
from distill.console.errors import UserError
from distill.console.text_lines import read_lines
from distill.corpus.text_sources import describe, read_texts

LINES = ["A first line.", "Zürich, naïve, 東京.", "A last one."]


def test_text_gzip_and_json_lines_hold_the_same(tmp_path: Path) -> None:
    plain, packed, rows = (tmp_path / name for name in ("a.txt", "b.txt.gz", "c.jsonl"))
    text = "\n\n".join(LINES) + "\n"
    plain.write_text(text, encoding="utf-8")
    packed.write_bytes(gzip.compress(text.encode()))
    rows.write_text("\n".join(json.dumps({"text": line}) for line in LINES) + "\n")
    assert list(read_texts([str(plain), str(packed), str(rows)])) == 3 * LINES


def test_a_data_set_saved_on_disk(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the `hub` extra")
    datasets.Dataset.from_dict({"text": [*LINES, ""]}).save_to_disk(tmp_path / "set")
    datasets.Dataset.from_dict({"body": LINES}).save_to_disk(tmp_path / "other")
    assert list(read_texts([str(tmp_path / "set")])) == LINES
    with pytest.raises(UserError, match="no column 'text'"):
        list(read_texts([str(tmp_path / "other")]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"fine\nalso fine\nbad \xff byte\n", "line 3: not UTF-8.*0xff at 4"),
        ("a.txt.gz", gzip.compress(b"fine\n" * 500)[:-9], "damaged gzip file"),
        ("b.txt.gz", b"no gzip at all", "damaged gzip file"),
        ("a.jsonl", b'{"text": "fine"}\n{"body": "no text"}\n', "line 2: no 'text'"),
        ("b.jsonl", b'{"text": "fine"}\n{"text": \n', "line 2: no 'text'"),
        ("c.jsonl", b'{"text": 7}\n', "line 1: no 'text'"),
        ("a.csv", b"text,label\na,b\n", "not a text file"),
        ("a.json", b'{"text": "fine"}', "not a text file"),
        ("a.tsv.gz", gzip.compress(b"text\tlabel\n"), "not a text file"),
        ("c.txt", b'{"data": [{"title": "t"}]}\n', "holds JSON"),
        ("d.txt", b'{\n "data": []\n}\n', "holds JSON"),
        ("e.txt", b'[{"text": "fine"}]\n', "holds JSON"),
        (
            "d.jsonl",
            b'{"text": "fine"}\n{"text": "a \\ud83d"}\n',
            "line 2: .* half of a surrogate pair",
        ),
    ],
)
def test_unreadable_files_are_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_lines(tmp_path / name))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        list(read_texts([str(tmp_path / "none.txt")]))
    with pytest.raises(UserError, match="no such file"):
        describe([str(tmp_path / "none.txt")])


def test_lines_and_archives_that_are_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1000)
    monkeypatch.setattr(text_lines, "FREE_INFLATED", 10_000)
    (tmp_path / "long.txt").write_text("short\n" + "x" * 1001 + "\n")
    bomb = gzip.compress((b"x" * 99 + b"\n") * 100_000)
    assert len(bomb) * text_lines.MOST_INFLATED < 10_000_000
    (tmp_path / "bomb.txt.gz").write_bytes(bomb)
    for name, message in (("long.txt", "line 2: longer than 1,000"), ("bomb.txt.gz", "inflates")):
        with pytest.raises(UserError, match=message):
            list(read_texts([str(tmp_path / name)]))
    assert len(list(read_texts([str(tmp_path / "long.txt")], any_size=True))) == 2
    assert len(list(read_texts([str(tmp_path / "bomb.txt.gz")], any_size=True))) == 100_000


def test_text_that_begins_with_a_bracket_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for line in ("[1] A note.", "{curly} words", "[1]", "[Illustration]"):
        path.write_text(line + "\n")
        assert list(read_lines(path)) == [line]


def test_json_lines_have_two_names(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"text": "fine"}\n')
    assert list(read_lines(path)) == ["fine"]
