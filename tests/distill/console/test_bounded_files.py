"""Files that are larger than is read, and archives that inflate to more."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from distill.console import bounded_files
from distill.console.bounded_files import (
    ANY_SIZE,
    check_sizes,
    json_lines,
    read_bounded,
    read_object,
    read_text,
)
from distill.console.errors import UserError


def test_bounded_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv.gz").write_bytes(gzip.compress(b"x" * 1000))
    assert read_bounded(tmp_path / "rows.tsv.gz", 1000) == b"x" * 1000


@pytest.mark.parametrize("name", ["rows.tsv", "rows.tsv.gz"])
def test_bounded_file_that_is_larger_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"x" * 1001
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(UserError, match="holds more than 1,000 bytes"):
        read_bounded(path, 1000)
    monkeypatch.setenv(ANY_SIZE, "1")
    assert read_bounded(path, 1000) == content


def test_archive_that_inflates_far_beyond_its_size_is_refused_before_it_fills_the_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.tsv.gz"
    part = gzip.compress(bytes(2**22))
    path.write_bytes(part * 256)  # 1 GiB in 1 MB
    tracemalloc.start()
    with pytest.raises(UserError, match="holds more than 134,217,728 bytes"):
        read_bounded(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.parametrize("end", [b"", b"\n", b"\nshort"])
def test_bounded_rows_name_the_line_that_is_longer(
    end: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"text,label\n" + b"x" * 100 + end)
    assert read_bounded(path, 1000, 100) == path.read_bytes()
    with pytest.raises(UserError, match="line 2: holds more than 99 bytes"):
        read_bounded(path, 1000, 99)
    monkeypatch.setenv(ANY_SIZE, "1")
    assert read_bounded(path, 1000, 99) == path.read_bytes()


def test_bounded_folder_counts_its_files_and_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.write_text("xxxx")
    check_sizes(tmp_path, files)
    for name, most in (("MOST_FILES", 2), ("LARGEST", 11)):
        with monkeypatch.context() as patch:
            patch.setattr(bounded_files, name, most)
            with pytest.raises(UserError, match="holds 3 files of 12 bytes"):
                check_sizes(tmp_path, files)
            patch.setenv(ANY_SIZE, "1")
            check_sizes(tmp_path, files)


def test_text_is_read_gzipped_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "text.txt.gz"
    path.write_bytes(gzip.compress("\ufeffüber".encode()))
    assert read_text(path) == "über"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08cut", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[1]", "not a JSON object"),
    ],
)
def test_json_that_is_not_an_object_is_refused_by_name(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "object.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"object\.json: {said}"):
        read_object(path)


def test_json_lines_name_the_line_that_is_not_an_object(tmp_path: Path) -> None:
    rows = json_lines('{"a": 1}\n\n[2]\n', tmp_path / "rows.jsonl")
    assert next(rows)[1] == {"a": 1}
    with pytest.raises(UserError, match=r"rows\.jsonl, line 3: not a JSON object"):
        next(rows)
