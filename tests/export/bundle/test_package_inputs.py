"""What `export.lint` and `export.diagnose` run a bundle on: text, and the files of its task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from export import diagnose, lint
from export.checkpoint.reading import load_checkpoint
from export.proof.proven_bundle import BundleOptions, export_bundle

PAIRS = "sentence1\tsentence2\tscore\n" + "A ferry left.\tThe boat sails.\t3.0\n" * 2


@pytest.fixture(scope="module")
def bundles(
    checkpoint_directory: Callable[[str, str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    made = {}
    for task in ("qa", "embed"):
        made[task] = tmp_path_factory.mktemp(task) / "bundle"
        checkpoint = load_checkpoint(str(checkpoint_directory("bert", task)))
        export_bundle(checkpoint, BundleOptions(task, lengths=(64,)), made[task])
    return made


@pytest.mark.parametrize("task", ["qa", "embed"])
def test_files_of_the_task_are_inputs(
    bundles: dict[str, Path],
    task: str,
    squad_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(PAIRS, encoding="utf-8")
    data = {"qa": squad_file, "embed": pairs}[task]
    line = [str(bundles[task]), "--data", str(data), "--limit", "2"]
    assert diagnose.main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"] == 2
    assert lint.main(line) == 0
    assert "least headroom" in capsys.readouterr().out


def test_a_file_of_another_task_is_one_line(
    bundles: dict[str, Path], squad_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lint.main([str(bundles["embed"]), "--data", str(squad_file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("command", [diagnose, lint])
def test_a_limit_of_no_inputs_is_one_line(
    command: ModuleType, bundles: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    line = [str(bundles["embed"]), "--data", "pairs.txt", "--limit", "0"]
    assert command.main(line) == 2
    assert capsys.readouterr().err == "error: --limit must be at least 1, not 0\n"
