"""Errors of the user are one line and status 2; bugs keep their traceback."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

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
        (OSError(28, "No space left on device"), 2, "error: [Errno 28] No space left on device\n"),
        (OSError(2, "No such file", "absent.txt"), 2, "error: absent.txt: No such file\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_one_line_and_a_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_that_raises(error)([]) == status
    assert capsys.readouterr().err == line


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        main_that_raises(ZeroDivisionError())([])
