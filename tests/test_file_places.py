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
    ("distill.evaluate", "nowhere", "--save_predictions"),
    ("distill.prepare", "--model", "nowhere", "--text", "x", "--out", "nowhere", "--save_json"),
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


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_file_of_another_kind_a_link_and_a_device_stay(
    line: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = importlib.import_module(line[0]).main
    thesis, link = tmp_path / "thesis", tmp_path / "link"
    thesis.write_text("a thesis")
    link.symlink_to(thesis)
    reasons = {
        thesis: "is of another kind",
        link: "is a link",
        Path("/dev/null"): "not a regular",
    }
    for path, reason in reasons.items():
        assert main([*line[1:], str(path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {path} ") and reason in error and error.count("\n") == 1
    assert thesis.read_text() == "a thesis" and link.is_symlink()
    assert Path("/dev/null").is_char_device()


def test_places_of_files_are_tried_by_the_simulators_own_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["diagnose", "nowhere", "--data", "x.npz", "--plot", str(tmp_path)]
    assert command_line.main(line) == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is a directory; name a file\n"
    (tmp_path / "thesis").write_text("a thesis")
    assert command_line.main([*line[:-1], str(tmp_path / "thesis")]) == 2
    assert capsys.readouterr().err.endswith("is of another kind; name another file\n")
