"""A full disk is one line that names the place; libraries write their temporary files beside it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from distill.console.atomic import atomic_directory, atomic_file
from distill.console.errors import UserError
from distill.console.full_disk import full_disk_in_words, require_room
from distill.console.temporary_files import temporary_files_beside


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "your quota"),
        (OSError("1179648 requested and 0 written"), "the disk is full"),
        (RuntimeError("[MIL FileWriter]: Unknown error occurred"), "the disk is full"),
        (RuntimeError("filesystem error: cannot copy: Input/output error [a]"), "the disk is full"),
    ],
)
def test_a_full_disk_in_words_of_any_library(error: Exception, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised, full_disk_in_words(tmp_path / "not-there"):
        raise error
    assert str(raised.value).startswith(f"{tmp_path / 'not-there'}: {words}")


@pytest.mark.parametrize("words", ["shape mismatch", "Python int too large to convert to C long"])
def test_an_error_of_something_else_is_left_alone(words: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=words), full_disk_in_words(tmp_path):
        raise RuntimeError(words)


def test_a_file_past_the_limit_names_its_place_and_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    target = tmp_path / "new" / "a.bin"
    try:
        with (
            pytest.raises(UserError, match=r"a\.bin: the file grew.*ulimit"),
            atomic_file(target) as staged,
        ):
            staged.write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "out", tmp_path / ("n" * 250)):
        with pytest.raises(UserError, match="cannot be written"), atomic_directory(target):
            pytest.fail("the block must not run")


def test_room_that_is_needed_is_asked_for_in_megabytes(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    with pytest.raises(UserError, match=r"the disk is full.*are needed"):
        require_room(tmp_path, 10**18)


def test_temporary_files_lie_beside_what_is_written(tmp_path: Path) -> None:
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with atomic_directory(tmp_path / "out") as staged, temporary_files_beside(staged) as folder:
        with tempfile.NamedTemporaryFile() as file:
            assert Path(file.name).parent == folder == Path(os.environ["TMPDIR"])
        assert folder.stat().st_mode & 0o077 == 0 and folder.parent.stat().st_mode & 0o077 == 0
        tempfile.mkdtemp()  # what a library leaves
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not list((tmp_path / "out").iterdir())
    assert (tempfile.tempdir, os.environ.get("TMPDIR")) == before


def test_room_for_the_largest_file_is_checked_before_it_is_written(tmp_path: Path) -> None:
    line = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    line += "; from pathlib import Path; from distill.console.full_disk import require_room"
    line += f"; require_room(Path({str(tmp_path)!r}), 2000, 1001, Path('asset'))"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert "asset: the file grew larger than this system or session allows" in done.stderr
    assert not list(tmp_path.iterdir())
