"""The page is checked in a real browser where one is on this machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench.reporting.comparison import Comparison
from bench.reporting.html_page import page, write_html
from bench.reporting.plot import _panel, label, plot_png
from bench.reporting.tables import notes, print_tables, tables

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
PROBE = """<script>
const image = document.querySelector('img');
document.documentElement.dataset.probe = JSON.stringify({
  image: image.naturalWidth,
  tables: [...document.querySelectorAll('table')].map(t => t.rows.length),
  cells: [...document.querySelectorAll('td')].map(c => c.textContent),
  bold: document.querySelectorAll('b').length,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  requests: performance.getEntriesByType('resource').map(e => e.name)
    .filter(name => !name.startsWith('data:')),
  height: image.getBoundingClientRect().height,
});
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((shutil.which(name) for name in BROWSERS if shutil.which(name)), None)
    if found is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on the path")
    return found


def open_page(browser: str, path: Path, *options: str) -> str:
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={path.parent / 'profile'}",
        "--virtual-time-budget=5000",
        *options,
        path.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout


@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_looks_right_in_a_browser(
    browser: str, result: Comparison, tmp_path: Path, width: int
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(result, published=True).replace("</body>", PROBE + "</body>"))
    dom = open_page(browser, path, f"--window-size={width},900", "--dump-dom")
    match = re.search(r'data-probe="([^"]*)"', dom)
    assert match is not None
    probe = json.loads(
        match.group(1)
        .replace("&quot;", '"')
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
    )
    assert probe["image"] > 300
    assert probe["height"] > 100
    assert probe["tables"] == [3, 3, 5]
    assert "<b>&student" in probe["cells"]
    assert probe["bold"] == 0
    assert probe["overflow"] <= 0
    assert probe["requests"] == []


def test_the_page_needs_nothing_else(result: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_html(result, path)
    written = path.read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,20})', written)
    assert sources
    assert all(source.startswith("data:") for source in sources)
    assert "<b>" not in written
    assert "<script" not in written
    assert "668" not in written


def test_cells_say_what_is_known(result: Comparison) -> None:
    rows, ratios = tables(result)
    assert rows.header[:2] == ["model", "params"]
    assert rows.rows[0][:3] == ["bert (random weights)", "109.0 M", "onnxruntime"]
    assert "tokenize ms" not in rows.header
    assert ratios.rows[0][-2:] == ["2.00", "1.90 to 2.10"]
    assert ratios.rows[1][-1] == "-"


def test_notes_tell_of_a_busy_machine_and_an_interruption(result: Comparison) -> None:
    assert len(notes(result)) == 2
    machine = replace(result.measured.machine, load=3.5)
    busy = replace(result, measured=replace(result.measured, machine=machine, interrupted=True))
    assert any("3.5" in line for line in notes(busy))
    assert any("interrupted" in line for line in notes(busy))


def test_the_plot_names_the_accuracy_where_it_is_known(result: Comparison) -> None:
    assert label(result.measured.rows[0]) == "bert"
    assert label(result.measured.rows[1]) == "<b>&student (f1 86.9)"
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
