"""Core ML's own form of a classifier, against the pipeline of `transformers`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import transformers
from coremltools.models.utils import load_spec

import export.coreml
from distill.console.errors import UserError
from export import verify
from export.bundle.classifier import LABEL, PROBABILITIES
from export.proof.predictor import Predictor
from export.simulator import Simulator
from tests.export.tiny_models import save_checkpoint

LABELS = {0: "sport", 1: "money", 2: "weather"}
TEXTS = ("A ferry.", "The bank said nothing at all about it.", "Rain, then sun.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("classifier") / "tiny"
    save_checkpoint("bert", "classify", out, id2label=LABELS)
    return out


def exported(folder: Path, name: str, *options: str) -> Path:
    out = folder.parent / name
    command = ["--model", str(folder), "--classifier", "--out", str(out), *options]
    assert export.coreml.main(command) == 0
    return out


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Path:
    return exported(folder, "bundle", "--lengths", "32,64", "--shapes", "enumerated")


def test_eight_bits_have_the_label_too(folder: Path) -> None:
    predictor = Predictor(exported(folder, "int8", "--quantize", "int8", "--lengths", "32"))
    (given,) = predictor.reading.inputs([(TEXTS[0], None)])
    found = Simulator(predictor.bundle.package).predict(given)
    assert found[LABEL] == max(found[PROBABILITIES], key=lambda label: found[PROBABILITIES][label])


def test_label_and_probabilities_are_those_of_the_pipeline(folder: Path, bundle: Path) -> None:
    predictor = Predictor(bundle)
    package = Simulator(predictor.bundle.package)
    description = load_spec(str(predictor.bundle.package)).description
    assert description.predictedFeatureName == LABEL
    assert description.predictedProbabilitiesName == PROBABILITIES
    assert description.input[0].type.multiArrayType.WhichOneof("ShapeFlexibility")
    library = transformers.pipeline("text-classification", str(folder), top_k=None)
    for text in TEXTS:
        (given,) = predictor.reading.inputs([(text, None)])
        found = package.predict({name: given[name] for name in package.inputs})
        expected = {each["label"]: each["score"] for each in library([text])[0]}
        assert found[LABEL] == max(expected, key=lambda label: expected[label])
        assert found[PROBABILITIES] == pytest.approx(expected, abs=0.01)


def test_labels_in_another_order_are_refused(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundle / "model.json"
    content = path.read_text()
    settings = json.loads(content)
    try:
        path.write_text(json.dumps(settings | {"labels": settings["labels"][::-1]}))
        with pytest.raises(UserError, match=r"its classes are not those of model\.json"):
            Predictor(bundle).predict(TEXTS[0])
        path.write_text(
            json.dumps(settings | {"labels": settings["labels"][::-1], "classifier": False})
        )
        assert verify.main([str(bundle)]) == 2
        assert "the bundle's labels are weather, money, sport" in capsys.readouterr().err
    finally:
        path.write_text(content)


@pytest.mark.slow
def test_bundle_whose_package_is_not_a_classifier_is_one_line(tmp_path: Path) -> None:
    """For a task of one label, and one of many."""
    for task in ("classify", "tokens"):
        save_checkpoint("bert", task, tmp_path / task)
        out = tmp_path / f"{task}-bundle"
        line = ["--model", str(tmp_path / task), "--lengths", "16", "--out", str(out)]
        assert export.coreml.main([*line, "--no-verify"]) == 0
        path = out / "model.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(settings | {"classifier": True}))
        with pytest.raises(UserError, match="is a classifier of its labels, and it gives logits"):
            Predictor(out).predict(TEXTS[0])


@pytest.mark.parametrize(
    ("task", "settings", "options", "message"),
    [
        ("classify", {}, ("--lengths", "32,64"), "several functions"),
        ("classify", {"num_labels": 1}, (), "not for regression"),
        (
            "classify",
            {"problem_type": "multi_label_classification"},
            (),
            "not for multi_label_classification",
        ),
        ("classify", {"id2label": {0: "a", 1: "b", 2: "a"}}, (), "'a' is there twice"),
        ("tokens", {}, (), "not for the task tokens"),
    ],
)
def test_model_that_is_not_a_classifier_is_refused(
    task: str,
    settings: dict[str, object],
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_checkpoint("bert", task, tmp_path / "tiny", **settings)
    out = tmp_path / "out"
    command = ["--model", str(tmp_path / "tiny"), "--classifier", "--out", str(out), *options]
    assert export.coreml.main(command) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
