"""Builds the Swift package and runs its tests, on every golden file that this machine can make."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toolchain import OPTIMIZED, PACKAGE, Toolchain

from bench.reporting.device_results import read_device_results
from distill.models.presets import data_directory, preset_directory

pytestmark = pytest.mark.slow  # the package is built first

GOLDEN = PACKAGE / "Tests" / "TextModelsTests" / "Golden"
KINDS = GOLDEN.with_name("GoldenKinds")


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PACKAGE / "Tools" / name), *arguments],
        cwd=PACKAGE.parent,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def real_golden() -> str | None:
    """Golden files with a real vocabulary and what real text there is, made in the build folder;
    their path as the package sees it."""
    if preset_directory("minilm") is None:
        return None
    out = PACKAGE / "build" / "golden"
    arguments = ["--out", str(out), "--tokenizer", "minilm"]
    data = data_directory()
    if data is not None:
        arguments += ["--squad", str(data / "squad" / "dev-v1.1.json.gz")]
    made = tool("make_golden.py", *arguments)
    assert made.returncode == 0, made.stderr
    return "ios_app/build/golden"


def test_package_passes_its_tests(
    package: Toolchain, real_golden: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"QA_GOLDEN": real_golden} if real_golden else {}
    tested = package.run("swift", "test", "--skip-build", *OPTIMIZED, environment=environment)
    assert tested.returncode == 0, tested.stdout
    counts = re.findall(r"^parity .*$", tested.stdout, re.MULTILINE)
    with capsys.disabled():
        print("", *counts, sep="\n")
    assert len(counts) == (25 if real_golden else 20)
    assert all("0 texts differ" in line for line in counts if "texts" in line)
    assert sum(" requests, 0 differ" in line for line in counts) == 5
    if real_golden and data_directory() is not None:
        texts = next(
            int(m.group(1)) for line in counts if (m := re.search(r"golden/uncased: (\d+)", line))
        )
        assert texts > 10_570 + 2_067


@pytest.mark.slow
def test_every_kind_of_tokenizer_equals_python(
    package: Toolchain, capsys: pytest.CaptureFixture[str]
) -> None:
    """SentencePiece's own table of characters, every Unicode scalar, and real text."""
    pytest.importorskip("sentencepiece", reason="needs sentencepiece, which makes Unigram models")
    data = data_directory()
    if data is None:
        pytest.skip("needs the data that DISTILKIT_DATA names")
    out = PACKAGE / "build" / "kinds"
    made = tool("make_kinds.py", "--out", str(out), "--data", str(data))
    assert made.returncode == 0, made.stderr
    filtered = ("test", "--skip-build", *OPTIMIZED, "--filter", "TokenizerKindsTests")
    tested = package.run("swift", *filtered, environment={"QA_KINDS": "ios_app/build/kinds"})
    assert tested.returncode == 0, tested.stdout
    counts = re.findall(r"^parity kinds/.*$", tested.stdout, re.MULTILINE)
    with capsys.disabled():
        print("", *counts, sep="\n")
    assert len(counts) == 10
    assert all("0 texts differ" in line for line in counts)


def test_committed_kinds_are_what_python_says(tmp_path: Path) -> None:
    """The tokenizers are trained once; what they make of the texts is asked anew."""
    made = tool("make_kinds.py", "--again", "--out", str(tmp_path))
    assert made.returncode == 0, made.stderr
    committed = sorted(path for path in KINDS.rglob("*.json*"))
    assert len(committed) == 30
    for path in committed:
        again = tmp_path / path.relative_to(KINDS)
        assert again.read_bytes() == path.read_bytes(), path


def test_textmodels_time_runs(package: Toolchain) -> None:
    """The command that the README shows; the time itself is for a benchmark, not for a test."""
    run = ("run", "--skip-build", "-c", "release", "textmodels", "time")
    folder = "ios_app/Tests/TextModelsTests/Golden"
    printed = package.run("swift", *run, folder, "--words", "50", "--runs", "3")
    assert printed.returncode == 0, printed.stdout
    assert re.search(r"^median +\d+\.\d+ ms of 3 runs$", printed.stdout, re.MULTILINE)
    for bad in (["nowhere"], [folder, "--runs", "none"]):
        refused = package.run("swift", *run, *bad)
        assert refused.returncode == 2
        assert re.search(r"^(usage|error): ", refused.stdout, re.MULTILINE)


def test_committed_golden_files_are_what_python_says(tmp_path: Path) -> None:
    made = tool("make_golden.py", "--out", str(tmp_path))
    assert made.returncode == 0, made.stderr
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {path.name for path in GOLDEN.iterdir()} - {"report.json"}
    for name in names - {"answers.jsonl", "tasks.jsonl"}:
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes(), name
    for old, new in zip(
        rows(GOLDEN / "answers.jsonl"), rows(tmp_path / "answers.jsonl"), strict=True
    ):
        probabilities = ([a.pop("probability") for a in row["answers"]] for row in (old, new))
        assert next(probabilities) == pytest.approx(next(probabilities), abs=1e-12)
        assert old == new


def test_committed_golden_tasks_are_what_python_says(tmp_path: Path) -> None:
    made = tool("make_golden.py", "--out", str(tmp_path))
    assert made.returncode == 0, made.stderr
    for old, new in zip(rows(GOLDEN / "tasks.jsonl"), rows(tmp_path / "tasks.jsonl"), strict=True):
        old_numbers, new_numbers = [], []
        assert without_floats(old, old_numbers) == without_floats(new, new_numbers)
        assert old_numbers == pytest.approx(new_numbers, rel=1e-12)


def without_floats(value: Any, floats: list[float]) -> Any:
    """A JSON value with 0 in the place of each float, which goes to ``floats``."""
    if isinstance(value, dict):
        return {key: without_floats(each, floats) for key, each in value.items()}
    if isinstance(value, list):
        return [without_floats(each, floats) for each in value]
    if isinstance(value, float):
        floats.append(value)
        return 0
    return value


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_unicode_tables_are_those_of_the_library() -> None:
    checked = tool("make_unicode_tables.py", "--check")
    assert checked.returncode == 0, checked.stdout


def test_report_of_the_app_is_read_by_the_kit() -> None:
    row = read_device_results(GOLDEN / "report.json")[0]
    assert (row.device, row.model, row.compute_unit) == (
        "iPhone0,0",
        "tiny-int8",
        "cpuAndNeuralEngine",
    )
    assert (row.length, row.milliseconds, row.thermal_state) == (128, (2.5, 2.25), "fair")
