"""Tables that fit on 80 columns, and the interval that a plot shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench.measuring.timing import Times
from bench.reporting.comparison import Comparison
from bench.reporting.plot import interval
from bench.reporting.tables import Table, print_tables, without_constants


def test_constant_columns_of_text_go_into_the_title() -> None:
    rows = [["bert", "torch", "fixed:8", "9"], ["minilm", "torch", "fixed:16", "9"]]
    table = Table("t", ["model", "runtime", "workload", "ms"], rows, [False, False, False, True])
    narrow = without_constants(table)
    assert narrow.title == "t\nruntime torch"
    assert narrow.header == ["model", "workload", "ms"]
    assert narrow.rows == [["bert", "fixed:8", "9"], ["minilm", "fixed:16", "9"]]
    assert narrow.numbers == [False, False, True]
    single = Table("t", table.header, rows[:1], table.numbers)
    assert without_constants(single) == single


def test_interval_of_a_median_is_that_of_scipy() -> None:
    times = np.random.default_rng(0).lognormal(size=400)
    low, high = Times(times, 1).median_interval()
    exact = stats.quantile_test(times * 1000, p=0.5).confidence_interval(confidence_level=0.95)
    assert low == pytest.approx(exact.low, rel=0.02)
    assert high == pytest.approx(exact.high, rel=0.02)
    assert Times(times[:1], 1).median_interval() == (times[0] * 1000, times[0] * 1000)


def test_interval_reaches_below_and_above_the_median(result: Comparison) -> None:
    row = replace(result.measured.rows[0], median_ms=5.0, median_interval_ms=(4.5, 6.0))
    assert interval(row) == (0.5, 1.0)
    assert interval(replace(row, median_interval_ms=None)) == (0.0, 0.0)


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(
    columns: int,
    result: Comparison,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = tuple(
        replace(row, model=f"model-of-{row.size_mb}", runtime=runtime, tokenization_ms=1.0)
        for row in result.measured.rows
        for runtime in ("onnxruntime-plain-int8", "torch")
    )
    print_tables(replace(result, measured=replace(result.measured, rows=rows)), published=True)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= columns
    for row in rows:
        assert f" {row.model} " in printed and f" {row.runtime} " in printed
    assert "…" not in printed
    assert "workload fixed:128" in printed  # said once, above the table
