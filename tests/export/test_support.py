"""The README's table of model types and tasks is the one that `export.support` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.support import main, markdown, rows

README = Path(__file__).parents[2] / "README.md"


def test_table_of_the_readme_is_printed_from_the_tables() -> None:
    assert markdown(rows()) in README.read_text(encoding="utf-8")


def test_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.strip() == markdown(rows())
