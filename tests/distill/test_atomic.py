"""A failed write leaves what was there; a good one leaves nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.atomic import atomic_directory, atomic_file, is_free


def test_file_takes_its_place(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with atomic_file(target) as staged:
        staged.write_text("one")
        assert not target.exists()
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]


def test_failed_file_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(target) as staged:
        staged.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_directory_refuses_an_existing_one(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="out exists"), atomic_directory(tmp_path / "out"):
        pytest.fail("the block must not run")


def test_failed_directory_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError, match="full"), atomic_directory(target, replace=True) as staged:
        (staged / "new").touch()
        raise OSError("disk full")
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_directory_replaces_an_existing_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with atomic_directory(target, replace=True) as staged:
        (staged / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_is_free_where_nothing_would_be_lost(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert is_free(tmp_path / "none") and is_free(tmp_path / "empty")
    assert not any(is_free(path) for path in (file, tmp_path, tmp_path / "link"))
