"""What the tables, the plot and the page say; the page in a browser: tests/test_html_pages.py."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench.reporting.comparison import Comparison
from bench.reporting.html_page import write_html
from bench.reporting.plot import _panel, label, plot_png
from bench.reporting.tables import notes, print_tables, tables


def test_the_page_needs_nothing_else(result: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_html(result, path)
    written = path.read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,20})', written)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    assert "<b>" not in written
    assert "<script" not in written
    written = re.sub(r"base64,[^\"]*", "", written)  # letters of pictures
    assert "668" not in written
    assert "&lt;b&gt;&amp;student" in written
    assert written.count("<rect") == len(result.ratios)


def test_cells_say_what_is_known(result: Comparison) -> None:
    rows, ratios = tables(result)
    assert rows.header[:2] == ["model", "params"]
    assert rows.rows[0][:3] == ["bert (random weights)", "109.0 M", "onnxruntime"]
    assert "tokenize ms" not in rows.header
    assert ratios.rows[0][-2:] == ["2.00", "1.90 to 2.10"]
    assert ratios.rows[1][-1] == "-"


def test_a_size_below_a_megabyte_is_not_0(result: Comparison) -> None:
    first, *others = result.measured.rows
    measured = replace(result.measured, rows=[replace(first, size_mb=0.072), *others])
    rows, _ = tables(replace(result, measured=measured))
    assert rows.rows[0][rows.header.index("size MB")] == "0.072"


def test_notes_tell_of_a_busy_machine_and_an_interruption(result: Comparison) -> None:
    assert len(notes(result)) == 2
    machine = replace(result.measured.machine, load=3.5)
    busy = replace(result, measured=replace(result.measured, machine=machine, interrupted=True))
    assert any("3.5" in line for line in notes(busy))
    assert any("interrupted" in line for line in notes(busy))


def test_the_plot_names_the_accuracy_where_it_is_known(result: Comparison) -> None:
    assert label(result.measured.rows[0]) == "bert"
    assert label(result.measured.rows[1]) == "<b>&student (F1 86.9%)"
    assert plot_png(result).startswith(b"\x89PNG")


def test_the_plot_leaves_room_for_the_names(result: Comparison) -> None:
    axes = Figure().subplots()
    _panel(axes, result.measured.rows, "fixed:128")
    assert axes.get_xlim() == pytest.approx((0, 436 + 0.2 * (436 - 265)))


def test_names_are_printed_as_they_are(
    result: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = result.measured.rows
    rows = (first, replace(second, model="student[int8][/a]:bug:"))
    renamed = replace(result, measured=replace(result.measured, rows=rows))
    print_tables(renamed, published=False)
    assert "student[int8][/a]:bug:" in capsys.readouterr().out


def test_an_empty_result_can_be_written(result: Comparison, tmp_path: Path) -> None:
    empty = replace(result, measured=replace(result.measured, rows=(), ratios=()))
    write_html(empty, tmp_path / "page.html")
    assert "left out" in (tmp_path / "page.html").read_text()
