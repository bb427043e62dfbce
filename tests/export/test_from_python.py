"""`from export import export_bundle, open_bundle, Predictor`: the README's example, verbatim."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

import export
from export import Predictor, UserError, export_bundle, open_bundle

README = Path(__file__).parents[2] / "README.md"


def readme_example() -> str:
    (example,) = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S
    )
    return str(example)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder in which the example ran, and the lines that it printed."""
    folder, printed = tmp_path_factory.mktemp("python"), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(readme_example(), str(README), "exec"), {"__name__": "__main__"})
    return folder, printed.getvalue().splitlines()


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
def test_a_place_that_is_taken_is_refused(ran: tuple[Path, list[str]]) -> None:
    bundle = ran[0] / "qa-mini-int8"
    with pytest.raises(UserError, match="--force replaces it"):
        export_bundle("qa-mini", bundle)
    (bundle / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes\.txt"):
        export_bundle("qa-mini", bundle, replace=True)
    (bundle / "notes.txt").unlink()


def test_readme_shows_the_example_of_the_docstring() -> None:
    assert (export.__doc__ or "").split("\n\n", 1)[1].strip() == readme_example().strip()
