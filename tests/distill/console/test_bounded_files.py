"""Files that are larger than is read, and archives that inflate to more."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from distill.console.bounded_files import ANY_SIZE, read_bounded
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
