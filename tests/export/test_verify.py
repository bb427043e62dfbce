"""Verification in the words of a task: similarity, answers, agreement."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from export import answer
from export.bundle import BundleOptions, export_bundle
from export.checkpoint import load_checkpoint
from export.parity import compare, psnr
from export.verify import verify_bundle


def test_psnr_of_known_errors() -> None:
    import numpy as np

    reference = np.array([1.0, -10.0])
    assert psnr(reference, reference) == float("inf")
    assert psnr(reference, reference + 0.1) == pytest.approx(40)
    assert compare([reference], [np.array([1.0, np.inf])]).overflow


@pytest.fixture(scope="module")
def qa_bundle(
    checkpoint_directory: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, object]:
    checkpoint = load_checkpoint(str(checkpoint_directory("bert", "qa")))
    out = tmp_path_factory.mktemp("qa") / "bundle"
    export_bundle(checkpoint, BundleOptions("qa", lengths=(64, 128)), out)
    return out, checkpoint


def test_questions_are_answered_alike(qa_bundle: tuple[Path, object], squad_file: Path) -> None:
    out, checkpoint = qa_bundle
    report = verify_bundle(out, checkpoint, squad_file, limit=6)
    assert report["examples"] == 6
    assert report["agreement"] == 1
    assert report["f1"] == report["package_f1"]


def test_stsb_keeps_its_spearman(minilm_directory: Path, shared_data: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint("minilm")
    export_bundle(checkpoint, BundleOptions("embed", lengths=(64,)), tmp_path / "out")
    data = shared_data / "glue" / "STS-B" / "dev.tsv"
    report = verify_bundle(tmp_path / "out", checkpoint, data, limit=100)
    assert report["package_spearman"] == pytest.approx(report["spearman"], abs=0.05)
    assert report["spearman"] > 80


def test_answer_prints_a_span_of_the_passage(
    qa_bundle: tuple[Path, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passage = tmp_path / "passage.txt"
    text = "The well is forty metres deep. It was dug in 1802 by two brothers. " * 12
    passage.write_text(text)
    command = [str(qa_bundle[0]), "--passage", str(passage), "--question", "How deep is it?"]
    assert answer.main([*command, "--n-best", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["windows"] > 1
    assert len(found["answers"]) == 3
    for best in found["answers"]:
        assert text[best["start"] : best["end"]] == best["text"]
    assert answer.main(command) == 0
    assert "ms in" in capsys.readouterr().out
