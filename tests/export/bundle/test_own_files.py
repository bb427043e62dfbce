"""What a folder may hold that an export replaces: files of exports and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill.console.errors import UserError
from export import coreml, onnx
from export.bundle.own_files import check_package, check_replaceable

SETTINGS: dict[str, Any] = {
    "format_version": 2,
    "name": "a",
    "task": "qa",
    "package": "a.mlpackage",
    "formats": {"coreml": {"file": "a.mlpackage"}, "coreai": {"file": "a.aimodel"}},
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of both formats with every file that an export writes, all empty."""
    folder = tmp_path / "bundle"
    for name in (
        *("tokenizer.json", "vocab.txt", "a.mlpackage/Manifest.json"),
        "a.mlpackage/Data/com.apple.CoreML/model.mlmodel",
        "a.mlpackage/Data/com.apple.CoreML/weights/weight.bin",
        *("a.aimodel/main.hash", "a.aimodel/main.mlirb", "a.aimodel/metadata.json"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "model.json").write_text(json.dumps(SETTINGS))
    return folder


def change(settings: Path, **values: Any) -> None:
    settings.write_text(json.dumps(SETTINGS | values))


def test_bundle_of_both_formats_may_be_replaced(bundle: Path) -> None:
    check_replaceable(bundle)
    check_package(bundle / "a.aimodel")
    change(bundle / "model.json", formats={})  # killed before it had its second entry
    check_replaceable(bundle)


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        ".DS_Store",
        "a.mlpackage/notes.txt",
        "a.mlpackage/Data/notes.txt",
        "a.mlpackage/Data/com.apple.CoreML/weights/notes.txt",
        "a.aimodel/notes/thesis.docx",
        "b.mlpackage/Manifest.json",
    ],
)
def test_notes_in_a_bundle_are_named_and_kept(name: str, bundle: Path) -> None:
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).touch()
    with pytest.raises(UserError, match="which no export wrote; move it"):
        check_replaceable(bundle)
    assert (bundle / name).exists()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.rename(path.parents[1] / "elsewhere")
    path.symlink_to(path.parents[1] / "elsewhere")


@pytest.mark.parametrize("change", [_folder, _link])
@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json", "a.aimodel/main.hash"])
def test_folders_and_links_under_our_names_stay(
    name: str, change: Callable[[Path], None], bundle: Path
) -> None:
    change(bundle / name)
    with pytest.raises(UserError, match=f"holds {Path(name).name}, which no export wrote"):
        check_replaceable(bundle)


def test_linked_package_stays(bundle: Path) -> None:
    _link(bundle / "a.mlpackage")
    with pytest.raises(UserError, match=r"holds a\.mlpackage"):
        check_replaceable(bundle)


@pytest.mark.parametrize(
    "values",
    [
        {"task": "layers-model"},
        {"format_version": "2"},
        {"package": "../thesis.mlpackage"},
        {"package": "/thesis.mlpackage"},
        {"package": ["a"]},
        {"formats": {"coreml": {"file": "src/a.mlpackage"}}},
        {"formats": ["a.mlpackage"]},
        {"name": "../a"},
    ],
)
def test_model_json_of_another_program_protects_its_folder(
    values: dict[str, Any], bundle: Path
) -> None:
    change(bundle / "model.json", **values)
    with pytest.raises(UserError, match=r"not a bundle of ours|which no export wrote"):
        check_replaceable(bundle)


@pytest.mark.parametrize("content", ["", "[]", "1", '{"format": "layers-model"}', "[" * 100_000])
def test_model_json_that_says_nothing_protects_its_folder(content: str, bundle: Path) -> None:
    (bundle / "model.json").write_text(content)
    with pytest.raises(UserError, match="not a bundle of ours"):
        check_replaceable(bundle)


@pytest.mark.parametrize("name", ["src", "thesis.docx", "model.json.d"])
def test_names_in_model_json_give_nobodys_files_away(name: str, bundle: Path) -> None:
    (bundle / name).mkdir()
    (bundle / name / "main.py").touch()
    change(bundle / "model.json", package=name, formats={"x": {"file": name}})
    with pytest.raises(UserError, match="which no export wrote"):
        check_replaceable(bundle)


def test_leftovers_of_a_killed_export_may_go(bundle: Path) -> None:
    left = bundle / ".a.aimodel.staged-a1b2c3d4"
    left.mkdir(mode=0o700)
    (left / "a.aimodel").mkdir()
    check_replaceable(bundle)
    assert not left.exists()
    (bundle / ".a.aimodel.staged-notes").mkdir(mode=0o700)
    with pytest.raises(UserError, match="staged-notes, which no export wrote"):
        check_replaceable(bundle)


def test_core_ml_export_keeps_the_projects_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every project of TensorFlow.js has a model.json."""
    (tmp_path / "webapp" / "src").mkdir(parents=True)
    (tmp_path / "webapp" / "model.json").write_text('{"format":"layers-model"}')
    (tmp_path / "webapp" / "thesis.docx").touch()
    assert coreml.main(["--force", "--out", str(tmp_path / "webapp")]) == 2
    assert "is not a bundle of ours and is left alone" in capsys.readouterr().err
    assert len(list((tmp_path / "webapp").iterdir())) == 3


@pytest.mark.parametrize("content", [b"", b"my thesis", bytes(100)])
def test_onnx_export_keeps_the_files_of_others(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "thesis.docx"
    out.write_bytes(content)
    assert onnx.main(["--force", "--out", str(out)]) == 2
    assert "not a file that export.onnx wrote" in capsys.readouterr().err
    (tmp_path / "link.onnx").symlink_to(out)
    assert onnx.main(["--force", "--out", str(tmp_path / "link.onnx")]) == 2
    assert out.read_bytes() == content and (tmp_path / "link.onnx").is_symlink()
