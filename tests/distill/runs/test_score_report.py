"""Medians over seeds, the gain of a teacher, and the table that shows them."""

from __future__ import annotations

import pytest

from distill.runs.score_report import show, summary

LABELS = [{"dev": {"accuracy": value, "total": 9}} for value in (50.0, 70.0, 55.0)]
DISTILLED = [
    {"dev": {"accuracy": value, "total": 9}, "teacher": {"accuracy": 90.0, "total": 9}}
    for value in (60.0, 62.0, 61.0)
]


def test_medians_spread_and_gain() -> None:
    result = summary({"labels": LABELS, "distilled": DISTILLED})
    assert result["median"] == {"labels": {"accuracy": 55.0}, "distilled": {"accuracy": 61.0}}
    assert result["spread"] == {"labels": {"accuracy": 20.0}, "distilled": {"accuracy": 2.0}}
    assert result["gain"] == {"accuracy": 6.0}
    assert result["teacher"]["accuracy"] == 90.0
    assert result["runs"]["labels"] == LABELS


def test_without_a_teacher_there_is_no_gain() -> None:
    result = summary({"labels": LABELS})
    assert "gain" not in result and "teacher" not in result


def test_the_table_has_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    show(summary({"labels": LABELS, "distilled": DISTILLED}), "a title")
    shown = capsys.readouterr().out
    for cells in (
        ("teacher", "90.00%"),
        ("labels, median of 3", "55.00%"),
        ("gain", "+6.00 points"),
    ):
        assert any(all(cell in line for cell in cells) for line in shown.splitlines()), shown
    assert "interval" not in shown
    show({"held_out": {"f1": 81.25, "total": 7}}, "one run")
    assert "81.25%" in capsys.readouterr().out


def test_the_table_has_the_intervals_of_single_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("exact_match", "f1", "best_f1")
    interval = dict.fromkeys(names, (69.5, 100.0))
    runs = [
        {"held_out": {**dict.fromkeys(names, value), "total": 7}, "intervals": interval}
        for value in (80.0, 82.5)
    ]
    show(runs[0], "one run")
    assert "69.50 to 100.00" in capsys.readouterr().out
    teacher = {"teacher": dict.fromkeys(names, 90.0)}
    show(summary({"labels": runs[:1], "distilled": [{**runs[1], **teacher}]}), "two runs")
    shown = capsys.readouterr().out
    assert shown.count("69.50 to 100.00") == 2 * len(names)
    assert "+2.50 points" in shown and "below a value: its 95% interval" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_run_that_held_nothing_out_shows_an_empty_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show({"seconds": 3.0}, "nothing measured")
    assert "nothing measured" in capsys.readouterr().out


def test_brackets_of_a_name_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show({"dev": {"f1_[/red]": 50.0, "[b]": 1.0}}, "model [bold]")
    shown = capsys.readouterr().out
    assert "F1 [/red]" in shown and "[b]" in shown and "model [bold]" in shown


def test_names_from_elsewhere_are_shown_with_their_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show({"dev": {"f1 of \x1b]0;gone\x07": 1.0, "total": 7}}, "trained on \x9b2J[bold]")
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    assert "trained on \\u009b2J[bold]" in shown and "\\u001b]0;gone\\u0007" in shown
