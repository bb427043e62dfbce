"""Files that are larger than is read, and archives that inflate to more."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from distill.console import bounded_files
from distill.console.bounded_files import ANY_SIZE, check_sizes, read_bounded
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
