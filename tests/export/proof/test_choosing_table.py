"""The table of the chosen formats, and names in it that come from a checkpoint."""

from __future__ import annotations

import pytest

from export.proof.budget import parse_budget
from export.proof.choosing_table import print_choosing
from export.proof.chosen_bits import Chosen


def test_choosing_table_shows_names_with_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    formats = {"layer\x1b[2J[red].weight": "int8"}
    measures = {"f1 of \x9b2J": 80.0}
    print_choosing(Chosen(None, parse_budget("F1 -0.5"), 7, formats, [], measures))
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x9b"} & set(shown)
    assert "int8: layer\\u001b[2J[red]" in shown
