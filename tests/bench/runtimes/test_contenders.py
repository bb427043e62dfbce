from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.runtimes.contenders import known_accuracy, open_model, open_models
from distill.console.errors import UserError


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("bert", 108e6, 110e6),
        ("distilbert", 66e6, 67e6),
        ("elmo", 93.5e6, 93.8e6),
        ("minilm", 22e6, 23e6),
    ],
)
def test_presets_have_the_published_number_of_parameters(
    name: str, least: float, most: float
) -> None:
    parameters = open_model(name).parameters
    assert parameters is not None
    assert least <= parameters <= most


def test_the_student_has_40_percent_fewer_parameters() -> None:
    teacher, student = (open_model(name).parameters for name in ("bert", "distilbert"))
    assert teacher and student
    assert 0.38 <= 1 - student / teacher <= 0.42


def test_a_preset_without_weights_says_that_they_are_random(minilm_directory: Path) -> None:
    assert open_model("bert").random_weights
    assert open_model("elmo").random_weights
    assert not open_model("minilm").random_weights


def test_folders_of_one_name_are_told_apart(minilm_directory: Path, tmp_path: Path) -> None:
    for parent in ("a", "b"):
        shutil.copytree(minilm_directory, tmp_path / parent / "model")
    named = [str(tmp_path / parent / "model") for parent in ("a", "b", "b")]
    names = [model.name for model in open_models(named)]
    assert names == [named[0], named[1], f"{named[1]} (2)"]


def test_accuracy_comes_from_the_fine_tuning_run(tmp_path: Path) -> None:
    assert known_accuracy(tmp_path) is None
    metrics = {"dev": {"exact_match": 70.0, "f1": 80.5, "total": 10}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    assert known_accuracy(tmp_path) == ("f1", 80.5)
    (tmp_path / "metrics.json").write_text("[1")
    assert known_accuracy(tmp_path) is None


@pytest.mark.parametrize("name", ["brt", "missing.onnx", "missing.mlpackage", "./no/where"])
def test_an_unknown_model_is_named(name: str) -> None:
    with pytest.raises(UserError, match="unknown model") as refused:
        open_model(name)
    assert "distilbert" in str(refused.value)


def test_a_directory_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        open_model(str(tmp_path))


def test_a_package_without_settings_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "broken.mlpackage"
    package.mkdir()
    with pytest.raises(UserError, match=r"model\.json"):
        open_model(str(package))
