"""The kit as a wheel: its size, what is in it, and that it works from a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.docs.commands import ROOT

MOST_BYTES = 35_000_000
SOURCES = ("distill", "export", "bench", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
FROM_PYTHON = """
import distill, export, bench
from distill.models.presets import preset_directory
print(distill.__file__)
print(preset_directory("qa-mini"))
"""


def run(*command: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        list(map(str, command)), cwd=folder, env={**kept, **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves a folder beside its source."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=LEFT_BEHIND)
        else:
            shutil.copy(ROOT / name, source)
    options = ("--no-deps", "--no-build-isolation", "-w", folder)
    built = run(sys.executable, "-m", "pip", "wheel", *options, source, folder=folder)
    if (
        "No module named 'setuptools'" in built.stderr
        or "Cannot import 'setuptools" in built.stderr
    ):
        pytest.skip("building a wheel needs setuptools")
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("distilkit-*.whl")
    return path


@pytest.mark.slow
def test_wheel_is_small_and_whole(wheel: Path) -> None:
    assert wheel.stat().st_size <= MOST_BYTES
    with ZipFile(wheel) as packed:
        names = set(packed.namelist())
    packages = {"distill", "export", "bench"}
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == packages
    modules = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if "build" not in path.parts
    }
    assert modules <= names
    model = ROOT / "distill" / "models" / "qa-mini"
    files = {str(path.relative_to(ROOT)) for path in model.iterdir() if path.is_file()}
    assert files <= names
    assert any(name.startswith("distill/recipes/") and name.endswith(".yaml") for name in names)


@pytest.mark.slow
def test_wheel_works_from_a_folder(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target)
    installed = run(*pip, wheel, folder=tmp_path)
    assert installed.returncode == 0, installed.stderr
    path = {"PYTHONPATH": str(target)}
    version = run(target / "bin" / "distilkit", "--version", folder=tmp_path, **path)
    assert version.stdout == f"distilkit {wheel.name.split('-')[1]}\n", version.stderr
    listed = run(target / "bin" / "distilkit", "export", folder=tmp_path, **path)
    assert "coreml" in listed.stdout and "verify" in listed.stdout, listed.stderr
    found = run(sys.executable, "-c", FROM_PYTHON, folder=tmp_path, **path)
    places = found.stdout.splitlines()
    assert len(places) == 2 and all(place.startswith(str(target)) for place in places), found.stderr
    assert (Path(places[1]) / "model.safetensors").is_file()
