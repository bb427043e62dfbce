"""`from export import export_bundle, open_bundle, Predictor`, and an ONNX file without the kit: the
examples of the READMEs, verbatim."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import export
from distill.models.presets import preset_directory
from export import Predictor, UserError, export_bundle, onnx, open_bundle

ROOT = Path(__file__).parents[2]


def example(page: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    (found,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    return str(found)


def run_example(page: str, folder: Path) -> list[str]:
    """Run a page's example in a folder; the lines that it printed."""
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(example(page), page, "exec"), {"__name__": "__main__"})
    return printed.getvalue().splitlines()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder in which the README's example ran, and the lines that it printed."""
    folder = tmp_path_factory.mktemp("python")
    return folder, run_example("README.md", folder)


@pytest.mark.slow
def test_readme_example_runs_as_written(ran: tuple[Path, list[str]]) -> None:
    folder, (proven, task, answer) = ran
    size, _, sentence = proven.partition(" ")
    package = open_bundle(folder / "qa-mini-int8").package
    assert int(size) == sum(f.stat().st_size for f in package.rglob("*") if f.is_file())
    assert sentence.startswith("Within tolerance of transformers")
    assert task == "qa" and "watchmaker" in answer
    outputs = Predictor(folder / "qa-mini-int8").outputs("Who?", "A watchmaker.")
    assert {value.shape for value in outputs.values()} == {(1, 128)}
    assert all(np.isfinite(value).all() for value in outputs.values())


@pytest.mark.slow
def test_onnx_example_runs_as_written(tmp_path: Path) -> None:
    source = preset_directory("qa-mini")
    assert source is not None
    shutil.copy(source / "tokenizer.json", tmp_path)
    options = ["--model", "qa-mini", "--for", "cpu", "--no-verify"]
    assert onnx.main([*options, "--out", str(tmp_path / "qa.onnx")]) == 0
    (answer,) = run_example("export/README.md", tmp_path)
    assert "watchmaker" in answer and "Delft" in answer


@pytest.mark.slow
def test_a_place_that_is_taken_is_refused(ran: tuple[Path, list[str]]) -> None:
    bundle = ran[0] / "qa-mini-int8"
    with pytest.raises(UserError, match="--force replaces it"):
        export_bundle("qa-mini", bundle)
    (bundle / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes\.txt"):
        export_bundle("qa-mini", bundle, replace=True)
    (bundle / "notes.txt").unlink()


def test_readme_shows_the_example_of_the_docstring() -> None:
    assert (export.__doc__ or "").split("\n\n", 1)[1].strip() == example("README.md").strip()
