"""The table that shows one run, or several with their medians and the gain of a teacher."""

from __future__ import annotations

import pytest

from distill.runs.finetune_result import FinetuneResult, series_of
from distill.runs.score_report import show
from distill.tasks.evaluation import Evaluation


def result(
    metrics: dict[str, float],
    intervals: dict[str, tuple[float, float]] | None = None,
    teacher: dict[str, float] | None = None,
) -> FinetuneResult:
    """Of a run that was scored, or was not."""
    return FinetuneResult(
        task="sst2",
        inputs=8,
        seconds=3.0,
        steps=1,
        train_loss=0.5,
        seed=42,
        scores=Evaluation(metrics, intervals or {}) if metrics else None,
        teacher=teacher,
    )


def of_accuracy(value: float, teacher: dict[str, float] | None = None) -> FinetuneResult:
    return result({"accuracy": value, "total": 9}, teacher=teacher)


LABELS = [of_accuracy(value) for value in (50.0, 70.0, 55.0)]
DISTILLED = [of_accuracy(value, {"accuracy": 90.0, "total": 9}) for value in (60.0, 62.0, 61.0)]


def test_medians_spread_and_gain() -> None:
    series = series_of({"labels": LABELS, "distilled": DISTILLED})
    assert series.median == {"labels": {"accuracy": 55.0}, "distilled": {"accuracy": 61.0}}
    assert series.spread == {"labels": {"accuracy": 20.0}, "distilled": {"accuracy": 2.0}}
    assert series.gain == {"accuracy": 6.0}
    assert series.teacher == {"accuracy": 90.0, "total": 9}
    stored = series.as_json()
    assert list(stored) == ["median", "spread", "gain", "teacher", "runs"]
    assert stored["runs"]["labels"] == [run.as_json() for run in LABELS]


def test_gain_needs_a_teacher() -> None:
    stored = series_of({"labels": LABELS}).as_json()
    assert "gain" not in stored and "teacher" not in stored


def test_the_table_has_a_row_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    show(series_of({"labels": LABELS, "distilled": DISTILLED}), "a title")
    shown = capsys.readouterr().out
    for cells in (
        ("teacher", "90.00%"),
        ("labels, median of 3", "55.00%"),
        ("gain", "+6.00 points"),
    ):
        assert any(all(cell in line for cell in cells) for line in shown.splitlines()), shown
    assert "interval" not in shown
    show(result({"f1": 81.25, "total": 7}), "one run")
    assert "81.25%" in capsys.readouterr().out


def test_the_table_has_the_intervals_of_single_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("exact_match", "f1", "best_f1")
    intervals = dict.fromkeys(names, (69.5, 100.0))
    teacher = dict.fromkeys(names, 90.0)
    first, taught = (
        result({**dict.fromkeys(names, value), "total": 7}, intervals, of_teacher)
        for value, of_teacher in ((80.0, None), (82.5, teacher))
    )
    show(first, "one run")
    assert "69.50 to 100.00" in capsys.readouterr().out
    show(series_of({"labels": [first], "distilled": [taught]}), "two runs")
    shown = capsys.readouterr().out
    assert shown.count("69.50 to 100.00") == 2 * len(names)
    assert "+2.50 points" in shown and "below a value: its 95% interval" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_run_that_held_nothing_out_shows_an_empty_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(result({}), "nothing measured")
    assert "nothing measured" in capsys.readouterr().out


def test_brackets_of_a_name_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show(result({"f1_[/red]": 50.0, "[b]": 1.0}), "model [bold]")
    shown = capsys.readouterr().out
    assert "F1 [/red]" in shown and "[b]" in shown and "model [bold]" in shown


def test_names_from_elsewhere_are_shown_with_their_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(result({"f1 of \x1b]0;gone\x07": 1.0, "total": 7}), "trained on \x9b2J[bold]")
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    assert "trained on \\u009b2J[bold]" in shown and "\\u001b]0;gone\\u0007" in shown
