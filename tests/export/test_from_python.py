"""`from export import export_bundle, open_bundle, Predictor`, as the package's docstring has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export import Predictor, UserError, export_bundle, open_bundle

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("python") / "qa-mini-int8"
    report = export_bundle("qa-mini", out, quantize="int8", lengths=(32,))
    assert report.difference.sentence().startswith("Within tolerance of transformers")
    return out


def test_a_bundle_answers(bundle: Path) -> None:
    assert open_bundle(bundle).settings["task"] == "qa"
    predictor = Predictor(bundle)
    answer = predictor.predict("Who repairs the clock?", "A watchmaker repairs the clock.")
    assert answer["answers"][0]["text"].endswith("watchmaker")
    outputs = predictor.outputs("Who?", "A watchmaker.")
    assert {value.shape for value in outputs.values()} == {(1, 32)}
    assert all(np.isfinite(value).all() for value in outputs.values())


def test_a_place_that_is_taken_is_refused(bundle: Path) -> None:
    with pytest.raises(UserError, match="--force replaces it"):
        export_bundle("qa-mini", bundle)
    (bundle / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes\.txt"):
        export_bundle("qa-mini", bundle, replace=True)
    (bundle / "notes.txt").unlink()


def test_readme_shows_the_example_of_the_docstring() -> None:
    import export

    example = (export.__doc__ or "").split("\n\n", 1)[1].strip()
    readme = Path(__file__).parents[2] / "README.md"
    assert example in readme.read_text(encoding="utf-8")
