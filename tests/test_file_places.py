"""Files that a command writes at its end: that they can be is known before it begins."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from export.simulator import command_line

LINES = (
    ("export.verify", "nowhere", "--html"),
    ("export.verify", "nowhere", "--save-json"),
    ("export.lint", "nowhere", "--html"),
    ("export.diagnose", "nowhere", "--plot"),
    ("export.coreml", "--model", "nowhere", "--save-json"),
    ("export.onnx", "--model", "nowhere", "--out", "x.onnx", "--save-json"),
    ("bench.compare", "nowhere", "--plot"),
    ("bench.cost", "nowhere", "--save-json"),
    ("bench.training", "--save-json"),
)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_places_of_files_are_tried_before_the_work(
    line: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = importlib.import_module(line[0]).main
    assert main([*line[1:], str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is a directory; name a file\n"
    assert main([*line[1:], "/proc/new.file"]) == 2  # closed to root, too
    assert capsys.readouterr().err.startswith("error: /proc/new.file: /proc cannot be written (")
    assert list(tmp_path.iterdir()) == []


def test_places_of_files_are_tried_by_the_simulators_own_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["diagnose", "nowhere", "--data", "x.npz", "--plot", str(tmp_path)]
    assert command_line.main(line) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is a directory; name a file\n"
