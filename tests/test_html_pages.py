"""The pages of `bench.compare`, `export.verify` and `export.lint` in a real browser, where there is
one: nothing overflows on a phone or a desk, nothing is fetched, hostile names stay text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import escape, unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.measuring.results import Machine, Measurements, Ratio, Row
from bench.reporting.comparison import Comparison
from bench.reporting.html_page import write_html
from export.bundle.checks import ChecksRun
from export.proof.gate import Proof
from export.proof.html_report import write_lint, write_verification
from export.proof.verification import Verification
from export.proof.workload import Judged
from export.simulator.lint import Finding

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
HOSTILE = "<script>alert(1)</script><b>\"&'" + "very_long_name_" * 8
HEIGHT = 1600
PROBE = """<script>
const root = document.documentElement, style = getComputedStyle(document.body);
const boxes = [...document.querySelectorAll('h1, h2, p, svg, img, .wide, body > table')];
const outside = b => b.getBoundingClientRect().right > window.innerWidth + 1;
parent.document.documentElement.dataset.probe = JSON.stringify({
  width: window.innerWidth,
  overflow: root.scrollWidth - root.clientWidth,
  outside: boxes.filter(outside).length,
  cut: [...document.querySelectorAll('svg text')].filter(outside).length,
  text: document.body.textContent,
  bold: document.querySelectorAll('b').length,
  scripts: document.querySelectorAll('script').length,
  ground: style.backgroundColor,
  requests: performance.getEntriesByType('resource').map(e => e.name)
    .filter(name => !name.startsWith('data:')),
});
</script>"""


def comparison(path: Path) -> None:
    machine = Machine("a CPU", ("avx2",), 2, 2, 8.0, 0.0, "Linux", "3.11", {"torch": "2.13"})
    rows = [
        Row(
            model=model,
            random_weights=False,
            parameters=66_000_000,
            size_mb=265.0,
            runtime="onnxruntime",
            workload="fixed:128",
            inputs=1,
            inputs_without_limit=1,
            inferences=20,
            median_ms=median,
            median_interval_ms=(median * 0.9, median * 1.1),
            p90_ms=median,
            p99_ms=median,
            pass_s=None,
            tokenization_ms=None,
            memory_mb=500.0,
            accuracy=None,
        )
        for model, median in (("bert", 90.0), (HOSTILE, 45.0))
    ]
    places = ("onnxruntime", "fixed:128", 2.0, 1.9, 30.0, "onnxruntime", "fixed:128")
    measured = Measurements(machine, tuple(rows), (Ratio("bert", HOSTILE, *places),), (HOSTILE,))
    write_html(Comparison(measured), path, published=True)


def verification(path: Path) -> None:
    proof = Proof(HOSTILE, 8, 8, 0.03, 0.02, 0.1, 1.0, 0.99, 0.2, 0.1, 40.0, False)
    judged = Judged(1.0, {"f1": 80.0}, {"f1": 79.0})
    report = Verification("the simulator", 8, proof, judged, ChecksRun(3, 0.0))
    write_verification(path, f"{HOSTILE} against qa-mini", {"simulator": report, "coreai": report})


def lint(path: Path) -> None:
    places = tuple(f"{HOSTILE}_{number}" for number in range(12))
    finding = Finding(6, "error", HOSTILE, "example.org/1", "a remedy", "main", places)
    write_lint(path, Path("package"), [finding])


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((shutil.which(name) for name in BROWSERS if shutil.which(name)), None)
    if found is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on the path")
    return found


def opened(browser: str, page: Path, *options: str) -> str:
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        f"--user-data-dir={page.parent / 'profile'}",
        f"--window-size=1200,{HEIGHT}",
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout


def framed(page: Path, width: int, probe: str = "") -> Path:
    """A page that holds another in a frame so wide: a browser's own window has a least width."""
    content = page.read_text(encoding="utf-8").replace("</body>", probe + "</body>")
    frame = page.with_name("frame.html")
    frame.write_text(
        '<html style="color-scheme: light dark"><body style="margin: 0"><iframe style="border: 0; '
        f'width: {width}px; height: {HEIGHT}px" srcdoc="{escape(content)}"></iframe>',
        encoding="utf-8",
    )
    return frame


def probed(browser: str, page: Path, width: int, *options: str) -> dict[str, Any]:
    """What a script in the page sees."""
    dom = opened(browser, framed(page, width, PROBE), "--dump-dom", *options)
    match = re.search(r'<html[^>]* data-probe="([^"]*)"', dom)
    assert match is not None
    found: dict[str, Any] = json.loads(unescape(match.group(1)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("write", [comparison, verification, lint])
def test_pages_fit_a_phone_and_a_desk(
    write: Callable[[Path], None], browser: str, tmp_path: Path
) -> None:
    page, shot = tmp_path / "page.html", tmp_path / "shot.png"
    write(page)
    assert "<script" not in page.read_text(encoding="utf-8")
    for width in (400, 1200):
        probe = probed(browser, page, width)
        assert probe["width"] == width
        assert (probe["overflow"], probe["outside"], probe["cut"]) == (0, 0, 0)
        assert "<script>alert(1)</script><b>" in probe["text"]
        assert (probe["bold"], probe["scripts"]) == (0, 1)  # the probe itself
        assert probe["requests"] == []
        opened(browser, framed(page, width), f"--screenshot={shot}")
        pixels = np.asarray(Image.open(shot).convert("L"))[:, :width]
        assert pixels.shape == (HEIGHT, width)
        assert pixels.std() > 5  # something is drawn
        assert (pixels[:, :4] == pixels[0, 0]).all()  # and nothing into the margins
        assert (pixels[:, -4:] == pixels[0, 0]).all()


@pytest.mark.slow
def test_pages_are_dark_where_the_reader_wants_it(browser: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    lint(page)
    scheme = "--blink-settings=preferredColorScheme="
    grounds = [probed(browser, page, 1200, f"{scheme}{wanted}")["ground"] for wanted in (1, 0)]
    assert grounds == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]
