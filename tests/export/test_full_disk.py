"""Exports on a full disk, and beside a temporary folder of the system that takes nothing."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from export import coreml, onnx

EXPORTS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "coreml": (coreml.main, ["--lengths", "16", "--quantize", "int8"]),
    "onnx": (onnx.main, ["--quantize", "int8", "--no-verify"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_export_needs_no_temporary_folder_of_the_system(
    name: str, broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, options = EXPORTS[name]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert main(["--model", str(broken), "--out", str(tmp_path / "out"), *options]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "out"]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_export_on_a_full_disk_is_one_line_and_leaves_nothing(
    name: str, broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, options = EXPORTS[name]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        assert main(["--model", str(broken), "--out", str(tmp_path / "out"), *options]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    printed = capsys.readouterr().err
    assert f"error: {tmp_path / 'out'}: the " in printed and "Traceback" not in printed
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]
