"""Verification in the words of a task: similarity, answers, agreement."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from distill.console.errors import UserError
from export import predict as answer
from export import verify
from export.bundle.bundle_folder import Bundle
from export.bundle.model_json import settings_of
from export.checkpoint.reading import Checkpoint, load_checkpoint
from export.proof.differences import compare, psnr
from export.proof.proven_bundle import BundleOptions, export_bundle
from export.proof.verification import verify_bundle
from export.proof.workload import load_workload
from tests.export.conftest import ENTRIES


def test_psnr_of_known_errors() -> None:
    import numpy as np

    reference = np.array([1.0, -10.0])
    assert psnr(reference, reference) == float("inf")
    assert psnr(reference, reference + 0.1) == pytest.approx(40)
    assert compare([reference], [np.array([1.0, np.inf])]).overflow


@pytest.fixture(scope="module")
def qa_bundle(
    checkpoint_directory: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Checkpoint]:
    checkpoint = load_checkpoint(str(checkpoint_directory("bert", "qa")))
    out = tmp_path_factory.mktemp("qa") / "bundle"
    export_bundle(checkpoint, BundleOptions("qa", lengths=(64, 128)), out)
    return out, checkpoint


def test_questions_are_answered_alike(qa_bundle: tuple[Path, Checkpoint], squad_file: Path) -> None:
    out, checkpoint = qa_bundle
    report = verify_bundle(out, checkpoint, squad_file, limit=6)
    assert report.examples == 6
    assert report.judged.agreement >= 5 / 6  # a random head is near a tie in places
    assert report.judged.package["f1"] == pytest.approx(report.judged.reference["f1"], abs=20)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"width": 768}, "its width is 768, not 384"),
        ({"positions": 100}, "it has 100 positions, the package 128"),
        ({"vocabulary": ENTRIES - 1}, "tokenizer of another model"),
    ],
)
def test_another_architecture_is_refused_before_it_runs(
    changed: dict[str, int], message: str, qa_bundle: tuple[Path, Checkpoint]
) -> None:
    out, checkpoint = qa_bundle
    other = replace(checkpoint, config=replace(checkpoint.config, **changed))
    with pytest.raises(UserError, match=message):
        verify_bundle(out, other)


def test_another_tokenizer_is_refused(qa_bundle: tuple[Path, Checkpoint], broken: Path) -> None:
    path = broken / "tokenizer_config.json"  # which transformers believes, not tokenizer.json
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"do_lower_case": False}), encoding="utf-8")
    with pytest.raises(UserError, match="its tokenizer is another"):
        verify_bundle(qa_bundle[0], replace(qa_bundle[1], directory=broken))


def test_a_bundle_is_verified_against_its_own_folder(
    qa_bundle: tuple[Path, Checkpoint], capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main([str(qa_bundle[0])]) == 0
    printed = capsys.readouterr().out
    assert str(qa_bundle[1].directory) in printed.replace("\n", "").replace(" ", "")
    assert "Within tolerance of transformers" in printed


@pytest.mark.slow
def test_a_package_that_fails_its_checks_is_not_as_exported(
    qa_bundle: tuple[Path, Checkpoint], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (qa_bundle[0] / "model.json").stat().st_size < 40_000
    out = tmp_path / "changed"
    shutil.copytree(qa_bundle[0], out)
    settings = json.loads((out / "model.json").read_text())
    assert [check["length"] for check in settings["checks"]] == [64] * 3
    assert verify.main([str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["psnr"] < 90
    assert (
        verify.main([str(out), "--against", str(qa_bundle[1].directory), "--tolerance", "90"]) == 1
    )
    capsys.readouterr()
    assert report["checks"] == 3
    assert report["checks_difference"] < 1e-3
    values = settings["checks"][1]["outputs"]["end_logits"]
    values[3] += 2 * max(map(abs, values))
    (out / "model.json").write_text(json.dumps(settings))
    assert verify.main([str(out)]) == 1
    assert "Not as exported" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["a/b", "qa-mini", "minilm"])
def test_a_bundle_whose_folder_is_gone_asks_for_it(
    source: str,
    qa_bundle: tuple[Path, Checkpoint],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = json.loads((qa_bundle[0] / "model.json").read_text())
    settings |= {"source": source, "source_path": "/not/here"}
    (tmp_path / settings["package"]).mkdir()
    (tmp_path / "model.json").write_text(json.dumps(settings))
    assert verify.main([str(tmp_path)]) == 2
    assert "name the checkpoint with --against" in capsys.readouterr().err


def test_a_folder_with_the_name_of_a_preset_is_not_the_preset(
    qa_bundle: tuple[Path, Checkpoint], tmp_path: Path
) -> None:
    directory = tmp_path / "qa-mini"
    shutil.copytree(str(qa_bundle[1].directory), directory)
    settings = settings_of(
        load_checkpoint(str(directory)),
        "qa",
        (64,),
        quantize="none",
        layout="standard",
        target="iOS18",
        shapes="fixed",
    )
    bundle = Bundle(tmp_path, tmp_path / settings["package"], settings)
    assert verify.source_of(bundle) == str(directory)
    preset = settings | {"source_path": ""}
    assert verify.source_of(replace(bundle, settings=preset)) == "qa-mini"
    for gone in (settings | {"source_path": "/not/here"}, {"source": "qa-mini"}):
        with pytest.raises(UserError, match="name the checkpoint with --against"):
            verify.source_of(replace(bundle, settings=gone))


def test_two_bundles_are_compared_on_the_same_data(
    qa_bundle: tuple[Path, Checkpoint],
    squad_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / "report.json"
    command = [str(qa_bundle[0]), str(qa_bundle[0]), "--data", str(squad_file), "--limit", "2"]
    assert verify.main([*command, "--save-json", str(kept)]) == 0
    assert "100.0% of the decisions of the two bundles are the same" in capsys.readouterr().out
    report = json.loads(kept.read_text())
    assert report["first_f1"] == report["second_f1"]
    for option in ("--against", "--tolerance"):
        assert verify.main([*command, option, "1"]) == 2
        assert f"{option} is for one bundle" in capsys.readouterr().err


@pytest.mark.parametrize("command", [verify, answer])
def test_precision_of_another_engine_than_the_simulator_is_refused(
    command: ModuleType, qa_bundle: tuple[Path, Checkpoint], capsys: pytest.CaptureFixture[str]
) -> None:
    line = [str(qa_bundle[0]), "--engine", "coreml", "--precision", "float32"]
    text = ["--passage", "README.md", "--question", "What?"] if command is answer else []
    against = ["--against", str(qa_bundle[1].directory)] if command is verify else []
    assert command.main([*line, *text, *against]) == 2
    assert capsys.readouterr().err == (
        "error: --precision is for the simulator: Core ML computes as the file says\n"
    )


def test_a_limit_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--limit needs --data"):
        load_workload(Bundle(tmp_path, tmp_path / "model.mlpackage", {"task": "qa"}), None, 3)


@pytest.mark.slow
def test_stsb_keeps_its_spearman(minilm_directory: Path, shared_data: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint("minilm")
    export_bundle(checkpoint, BundleOptions("embed", lengths=(64,)), tmp_path / "out")
    data = shared_data / "glue" / "STS-B" / "dev.tsv"
    report = verify_bundle(tmp_path / "out", checkpoint, data, limit=100)
    judged = report.judged
    assert judged.package["spearman"] == pytest.approx(judged.reference["spearman"], abs=0.05)
    assert judged.reference["spearman"] > 80


def test_answer_prints_a_span_of_the_passage(
    qa_bundle: tuple[Path, Checkpoint], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passage = tmp_path / "passage.txt"
    text = "The well is forty metres deep. It was dug in 1802 by two brothers. " * 12
    passage.write_text(text)
    command = [str(qa_bundle[0]), "--passage", str(passage), "--question", "How deep is it?"]
    assert answer.main([*command, "--n-best", "25", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["windows"] > 1
    assert len(found["answers"]) == 25
    for best in found["answers"]:
        assert text[best["start"] : best["end"]] == best["text"]
    assert answer.main(command) == 0
    assert "ms in the package" in capsys.readouterr().out
