"""`python -m export.coreai` as its documentation shows it, in Apple's own runtime."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench import compare
from distill.console.errors import UserError
from distill.models.presets import preset_directory
from export import coreai, coreml, predict, verify
from export.bundle import coreai_asset
from export.bundle.bundle_folder import directory_size, open_bundle
from export.bundle.coreai_asset import ASSET_COMPRESSIONS
from export.proof.engines import engines_of, open_engine
from export.proof.predictor import Predictor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("coreai_torch") is None, reason="needs the extra `coreai`"
    ),
]
LENGTHS = "32,64"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """qa-mini in both formats, made by one command."""
    out = tmp_path_factory.mktemp("coreai") / "qa-mini-int8"
    options = ["--quantize", "int8", "--lengths", LENGTHS, "--with-coreai", "--out", str(out)]
    assert coreml.main([*options, "--save-json", str(out.with_suffix(".json"))]) == 0
    return out


@pytest.fixture(scope="module")
def asset_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """qa-mini as a float32 asset, in a bundle of its own."""
    out = tmp_path_factory.mktemp("coreai") / "qa-mini"
    assert coreai.main(["--lengths", LENGTHS, "--out", str(out)]) == 0
    return out


def test_bundle_holds_both_formats(bundle: Path) -> None:
    settings = json.loads((bundle / "model.json").read_text())
    assert list(settings["formats"]) == ["coreml", "coreai"]
    assert settings["formats"]["coreml"]["file"] == settings["package"] == "qa-mini.mlpackage"
    asset = settings["formats"]["coreai"]
    assert asset["file"] == "qa-mini.aimodel" and asset["minimum"] == "iOS27"
    assert asset["bytes"] == directory_size(bundle / "qa-mini.aimodel")
    assert engines_of(open_bundle(bundle)) == ["simulator", "coreai"]


def test_one_command_reports_both_formats(bundle: Path) -> None:
    report = json.loads(bundle.with_suffix(".json").read_text())
    assert list(report) == ["coreml", "coreai"]
    for name, one in report.items():
        size = directory_size(bundle / open_bundle(bundle).settings["formats"][name]["file"])
        assert one["package_bytes"] == size and one["quantize"] == "int8"
        assert one["difference"]["psnr"] > 35
    assert report["coreai"]["formats"] == ["coreml", "coreai"]


@pytest.fixture(scope="module")
def small(
    checkpoint_directory: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], Path]:
    """Options of the commands for a small model, and its bundle of both formats by one command."""
    model = str(checkpoint_directory("distilbert", "qa"))
    options = ["--model", model, "--quantize", "int8", "--lengths", LENGTHS]
    out = tmp_path_factory.mktemp("coreai") / "small"
    assert coreml.main([*options, "--with-coreai", "--out", str(out)]) == 0
    return options, out


def test_asset_of_the_second_command_joins_the_package_of_the_first(
    tmp_path: Path, small: tuple[list[str], Path]
) -> None:
    """The two ways to one bundle of both formats write the same model.json."""
    options, made = small
    for command in (coreml, coreai):
        assert command.main([*options, "--out", str(tmp_path / "new")]) == 0
    one, other = (json.loads((p / "model.json").read_text()) for p in (made, tmp_path / "new"))
    assert one == other


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--quantize", "lut3"], "lut3 is not for Core AI (expected none, int8"),
        (["--quantize", "int8", "--skip-layers", "embeddings"], "Core AI compresses all layers"),
    ],
)
def test_options_that_core_ai_does_not_have_are_refused_before_anything_is_written(
    options: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [*options, "--with-coreai", "--out", str(tmp_path / "new")]
    assert coreml.main(line) == 2
    assert reason in capsys.readouterr().err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ["simulator", "coreai"])
def test_verify_runs_either_format(
    engine: str, bundle: Path, squad_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(bundle), "--engine", engine, "--data", str(squad_file), "--limit", "6"]
    assert verify.main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["psnr"] > 35 and report["agreement"] >= 5 / 6


def test_verify_runs_both_formats_by_default(
    bundle: Path, squad_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main([str(bundle), "--data", str(squad_file), "--limit", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report) == ["passed", "simulator", "coreai"] and report["passed"]
    assert report["simulator"]["error"] != report["coreai"]["error"]


def test_verify_runs_few_inputs_of_an_asset_in_half_precision(
    small: tuple[list[str], Path],
    squad_file: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    options, _ = small
    line = [*options, "--lengths", "32", "--out", str(tmp_path / "both")]
    assert coreml.main(line) == 0
    assert coreai.main([*line, "--precision", "float16"]) == 0
    capfd.readouterr()
    given = [str(tmp_path / "both"), "--data", str(squad_file), "--limit", "6", "--json"]
    assert verify.main(given) == 0
    printed, said = capfd.readouterr()
    report = json.loads(printed)
    assert (report["simulator"]["examples"], report["coreai"]["examples"]) == (6, 2)
    assert "--engine coreai --limit N runs more" in said


def test_predict_runs_the_asset(
    asset_alone: Path, qa_examples: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The default engine of a bundle without a Core ML package is Apple's runtime."""
    example = qa_examples[0]
    arguments = ["--passage", example["passage"], "--question", example["question"], "--json"]
    assert predict.main([str(asset_alone), *arguments]) == 0
    default = json.loads(capsys.readouterr().out)["answers"]
    assert (
        predict.main([str(asset_alone / "qa-mini.aimodel"), *arguments, "--engine", "coreai"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["answers"] == default


def test_asset_gives_the_logits_of_transformers(
    asset_alone: Path, qa_examples: list[dict[str, str]]
) -> None:
    """Text in, logits out, of the shipped model: within 1e-4 of the library that made it."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    source = preset_directory("qa-mini")
    assert source is not None
    tokenizer = AutoTokenizer.from_pretrained(source)
    library = AutoModelForQuestionAnswering.from_pretrained(source, dtype=torch.float32).eval()
    predictor = Predictor(asset_alone, engine="coreai")
    for example in qa_examples[:4]:
        passage = " ".join(example["passage"].split()[:30])
        batch = tokenizer(example["question"], passage, return_tensors="pt")
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            expected = library(**batch)
        outputs = predictor.outputs(example["question"], passage)
        tokens = batch["input_ids"].shape[1]
        for name in ("start_logits", "end_logits"):
            np.testing.assert_allclose(
                outputs[name][:, :tokens], expected[name].numpy(), atol=1e-4, rtol=0
            )


def test_asset_joins_no_bundle_of_another_model(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (bundle / "model.json").read_bytes()
    arguments = ["--out", str(bundle), "--lengths", LENGTHS, "--quantize", "int8"]
    assert coreai.main(arguments) == 2
    assert "has a Core AI asset already; --force replaces it" in capsys.readouterr().err
    assert coreai.main([*arguments, "--task", "features"]) == 2
    assert "its task is qa, not features; name another --out" in capsys.readouterr().err
    assert coreai.main([*arguments, "--quantize", "int4"]) == 2
    assert "its quantization is int8, not int4" in capsys.readouterr().err
    assert coreai.main(["--out", str(bundle), "--lengths", "48"]) == 2
    assert "its lengths is [32, 64], not [48]" in capsys.readouterr().err
    assert (bundle / "model.json").read_bytes() == before


@pytest.mark.slow
def test_asset_that_differs_is_not_written(
    small: tuple[list[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither a new bundle nor the asset of one that is there."""
    monkeypatch.setitem(ASSET_COMPRESSIONS, "int8", ASSET_COMPRESSIONS["int4"])
    arguments, bundle = small
    before = {file: file.stat().st_mtime_ns for file in bundle.rglob("*")}
    assert coreai.main([*arguments, "--out", str(tmp_path / "new")]) == 2
    assert "--no-verify keeps it" in capsys.readouterr().err
    assert coreai.main([*arguments, "--out", str(bundle), "--force"]) == 2
    assert not (tmp_path / "new").exists() and list(tmp_path.iterdir()) == []
    assert {file: file.stat().st_mtime_ns for file in bundle.rglob("*")} == before


def test_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert coreai.main(["--out", str(tmp_path), "--force"]) == 2
    assert "is not a bundle of ours and is left alone" in capsys.readouterr().err


def test_engine_of_a_format_that_is_absent_is_refused(asset_alone: Path) -> None:
    with pytest.raises(UserError, match=r"no coreml format for --engine simulator \(it runs in"):
        open_engine(open_bundle(asset_alone), "simulator")


def test_bench_runs_an_asset_alone_in_what_takes_it(
    asset_alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [str(asset_alone), "--workload", "fixed:32", "--seconds", "0.1", "--no-memory"]
    assert compare.main([*line, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["runtime"] for row in result["rows"]] == ["coreai"]
    assert result["left_out"] == []


def test_bench_measures_the_asset(bundle: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    arguments = ["--runtime", "coreai", "--workload", "fixed:32", "--seconds", "0.2"]
    assert compare.main([str(bundle), *arguments, "--no-memory", "--save-json", str(table)]) == 0
    (row,) = json.loads(table.read_text())["rows"]
    assert row["runtime"] == "coreai"


def test_command_without_the_packages_says_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coreai_asset, "MODULES", ("coreai_absent",))
    assert coreai.main(["--out", str(tmp_path / "new")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip install" in error and "[coreai]" in error
