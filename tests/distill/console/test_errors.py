"""Errors of the user are one line and status 2; bugs keep their traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest
from tqdm import tqdm

from distill.console.errors import UserError, command


def main_that_raises(error: BaseException):
    @command
    def main(argv: Sequence[str] | None = None) -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("no such task:\n x"), 2, "error: no such task: x\n"),
        (UserError("label \x1b]0;x\x07 \ud800"), 2, "error: label \\u001b]0;x\\u0007 \\ud800\n"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device\n"),
        (OSError(2, "No such file", "absent.txt"), 2, "error: absent.txt: No such file\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_error_is_one_line_and_a_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_that_raises(error)([]) == status
    assert capsys.readouterr().err == line


def test_an_error_begins_a_line_after_a_bar_that_was_left_open(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @command
    def main(argv: Sequence[str] | None = None) -> int:
        bar = tqdm(total=2)
        bar.update()
        raise UserError("no room")

    assert main([]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: no room"


def test_a_value_of_a_million_characters_does_not_fill_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main_that_raises(UserError(f"shapes {'x' * 10**6} (expected fixed)"))([]) == 2
    error = capsys.readouterr().err
    assert len(error) < 2100 and error.startswith("error: shapes xxx")
    assert error.endswith("x (expected fixed)\n")


@pytest.mark.slow
def test_reader_that_has_read_enough_is_not_an_error() -> None:
    """`| head -1`."""
    line = f"{sys.executable} -m export.support | head -1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert result.returncode in (0, 141) and result.stderr == ""


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        main_that_raises(ZeroDivisionError())([])
