"""A failed write leaves what was there; a good one leaves nothing beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distill.console import renames
from distill.console.atomic import atomic_directory, atomic_file, atomic_files, is_free
from distill.console.errors import UserError


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
    (tmp_path / "out" / "thesis").touch()
    with pytest.raises(FileExistsError, match="out exists"), atomic_directory(tmp_path / "out"):
        pytest.fail("the block must not run")


def test_failed_directory_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError, match="full"), atomic_directory(target, anything) as staged:
        (staged / "new").touch()
        raise OSError("disk full")
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_directory_replaces_an_existing_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with atomic_directory(target, anything) as staged:
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


BEGINNING = """
import os, signal, sys
from pathlib import Path
from distill.console import atomic, renames
def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""
IN_THE_BLOCK = """
with atomic.atomic_directory(sys.argv[1]) as staged:
    (staged / "new").touch()
    die()
"""
BETWEEN_THE_RENAMES = """
renames._renameat2 = lambda *names: False  # as where the system cannot exchange two names
with atomic.atomic_directory(sys.argv[1], lambda older: None) as staged:
    (staged / "new").touch()
    rename = Path.replace
    Path.replace = lambda path, to: rename(path, to) if path == Path(sys.argv[1]) else die()
"""


def anything(older: Path) -> None:
    """Let any older directory be replaced."""


def killed(code: str, target: Path) -> None:
    """Run ``code`` on ``target``, which ends by kill -9."""
    line = [sys.executable, "-c", BEGINNING + code, str(target)]
    assert subprocess.run(line, check=False).returncode == -signal.SIGKILL


def test_leftovers_of_a_killed_process_are_cleared_away(tmp_path: Path) -> None:
    target = tmp_path / "out[1]"
    killed(IN_THE_BLOCK, target)
    (tmp_path / f".{target.name}.settings").mkdir()  # somebody's own
    assert len(list(tmp_path.iterdir())) == 2 and not target.exists()
    with atomic_directory(target) as staged:
        (staged / "new").touch()
    assert {path.name for path in tmp_path.iterdir()} == {target.name, f".{target.name}.settings"}


def test_files_that_another_process_writes_are_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_file(target) as first:
        with atomic_file(target) as second:
            second.write_text("second")
        first.write_text("first")
        assert target.read_text() == "second"
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["out", "previous"])
def test_killed_between_its_two_renames_a_directory_is_not_lost(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    target.mkdir()
    (target / "old").touch()
    killed(BETWEEN_THE_RENAMES, target)
    assert not target.exists()
    with pytest.raises(FileExistsError), atomic_directory(target):
        pytest.fail("the block must not run")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_that_came_up_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(FileExistsError, match="came up"), atomic_directory(target) as staged:
        (staged / "new").touch()
        target.mkdir()
        (target / "thesis").touch()
    assert [path.name for path in target.iterdir()] == ["thesis"]
    assert list(tmp_path.iterdir()) == [target]


def test_files_that_must_stay_are_checked_again_at_the_rename(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()

    def refuse(path: Path) -> None:
        if (path / "notes").exists():
            raise UserError("notes are not ours")

    with pytest.raises(UserError, match="not ours"), atomic_directory(target, refuse):
        (target / "notes").touch()
    assert [path.name for path in target.iterdir()] == ["notes"]
    with atomic_directory(target, anything) as staged:
        (staged / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_came_up_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "model.onnx"
    with pytest.raises(FileExistsError, match="came up"), atomic_file(target, False) as staged:
        staged.write_text("new")
        target.write_text("thesis")
    assert target.read_text() == "thesis"
    with pytest.raises(FileExistsError), atomic_file(target, replace=False):
        pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("exchanges", [True, False])
def test_what_comes_into_the_older_directory_at_the_rename_comes_back(
    exchanges: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look at the older directory and its removal somebody writes into it."""
    target, looks = tmp_path / "out", []
    target.mkdir()
    (target / "old").touch()
    if not exchanges:
        monkeypatch.setattr(renames, "_renameat2", lambda *names: False)

    def refuse(path: Path) -> None:
        looks.append(path)
        if (path / "notes").exists():
            raise UserError("notes are not ours")
        (path / "notes").touch()

    with pytest.raises(UserError, match="not ours"), atomic_directory(target, refuse) as staged:
        (staged / "new").touch()
    assert sorted(path.name for path in target.iterdir()) == ["notes", "old"]
    assert list(tmp_path.iterdir()) == [target] and looks[-1] == target


@pytest.mark.parametrize("name", [".", "..", "here/..", "../here"])
def test_the_folder_that_a_command_runs_in_is_not_replaced(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="is the folder that"), atomic_directory(name, anything):
        pytest.fail("the block must not run")


def test_files_take_their_places_among_others(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "notes").write_text("mine")
    (tmp_path / ".model").mkdir()
    with atomic_files(tmp_path) as staged:
        (staged / "1_Pooling").mkdir()
        (staged / "1_Pooling" / "config.json").write_text("{}")
        (staged / "README.md").write_text("new")
    assert (tmp_path / "README.md").read_text() == "new"
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == [".model", "1_Pooling", "1_Pooling/config.json", "README.md", "notes"]


def test_the_new_one_moved_away_leaves_the_place_free(tmp_path: Path) -> None:
    """A kill while the old directory is removed, and then the user moves the new one."""
    target = tmp_path / "out"
    left = tmp_path / ".out.staged-a1b2c3d4"
    left.mkdir(mode=0o700)
    (left / "out.previous").mkdir()
    with atomic_directory(target) as staged:
        (staged / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("name", "mode"), [("a1b2c3d4", 0o755), ("notes", 0o700), ("notesabc", 0o700)]
)
def test_a_folder_that_may_be_a_users_stays(tmp_path: Path, name: str, mode: int) -> None:
    folder = tmp_path / f".out.staged-{name}"
    folder.mkdir(mode=mode)
    folder.chmod(mode)
    (folder / "thesis").touch()
    with atomic_directory(tmp_path / "out") as staged:
        (staged / "new").touch()
    assert (folder / "thesis").exists()
