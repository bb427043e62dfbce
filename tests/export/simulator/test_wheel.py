"""The simulator built as a package of its own, installed where torch and the kit are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from export.bundle.quiet import quiet
from export.simulator import __version__, command_line
from tests.export.simulator.programs import convert

SOURCE = Path(__file__).parents[3] / "export" / "simulator"
BLOCKED = ("torch", "transformers", "sklearn", "tensorflow", "export", "distill", "bench")
BLOCK = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {BLOCKED!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
"""
TESTS = """
import coremltools as ct, numpy as np, pytest

ON_IMPORT = ct.models.MLModel("model.mlpackage").predict({"x": np.ones((1, 2), np.float32)})["y"]

def test_predicts():
    found = ct.models.MLModel("model.mlpackage").predict({"x": np.zeros((1, 2), np.float32)})
    assert (found["y"] == 1).all() and (ON_IMPORT == 2).all()

def test_fails():
    found = ct.models.MLModel("model.mlpackage").predict({"x": np.zeros((1, 2), np.float32)})
    assert (found["y"] == 2).all()
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_the_wheel_holds_every_package_of_the_folder() -> None:
    settings = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))
    paths = (path.relative_to(SOURCE) for path in SOURCE.rglob("__init__.py"))
    folders = [path.parent for path in paths if path.parts[0] != "build"]  # pip leaves one there
    names = {".".join(("coreml_simulator", *folder.parts)) for folder in folders}
    assert set(settings["tool"]["setuptools"]["packages"]) == names


def test_the_folder_imports_nothing_else_of_the_kit() -> None:
    """By relative imports alone, so that it may bear another name."""
    for path in SOURCE.rglob("*.py"):
        depth = "." * (len(path.relative_to(SOURCE).parts) + 1)
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["from"], ["import"]) and not words[1].startswith("."):
                assert words[1].split(".")[0] not in BLOCKED or "Simulator" in words, (path, line)
            assert not line.lstrip().startswith(f"from {depth}"), (path, line)


def test_the_command_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"coreml-simulator {__version__}\n"


@pytest.mark.slow
def test_the_wheel_runs_a_package_and_the_plugin_without_torch(tmp_path: Path) -> None:
    """An environment of its own that sees the dependencies of this one, but not torch."""
    source = shutil.copytree(
        SOURCE, tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.egg-info")
    )
    pip = [sys.executable, "-m", "pip"]
    built = run(
        *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source, cwd=tmp_path
    )
    if "setuptools" in built.stderr and "No module" in built.stderr:
        pytest.skip("building a wheel needs setuptools")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("coreml_simulator-*.whl")

    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = environment / "lib" / version / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "sitecustomize.py").write_text(BLOCK)
    install = ("--python", python, "install", "--no-deps", "--no-index", wheel)
    installed = run(*pip, *install, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr

    model = convert(lambda x: mb.add(x=x, y=np.float32(1), name="y"), [mb.TensorSpec((1, 2))])
    with quiet():
        model.save(str(tmp_path / "model.mlpackage"))
    np.savez(tmp_path / "inputs.npz", x=np.zeros((1, 2), np.float32))
    (tmp_path / "test_project.py").write_text(TESTS)

    command = environment / "bin" / "coreml-simulator"
    ran = run(command, "run", "model.mlpackage", "--inputs", "inputs.npz", cwd=tmp_path)
    assert (ran.stdout, ran.stderr) == ("y: float32 (1, 2) [[1. 1.]]\n", "")
    assert run(command, "--version", cwd=tmp_path).stdout == f"coreml-simulator {__version__}\n"
    assert wheel.name.startswith(f"coreml_simulator-{__version__}-")
    code = "import coreml_simulator, sys; print(coreml_simulator.__file__, 'torch' in sys.modules)"
    where = run(python, "-c", code, cwd=tmp_path).stdout
    assert where.startswith(str(environment))
    assert where.endswith("False\n")

    pytest_command = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    for option in ("--coreml-simulator", "--coreml-simulator=float16"):
        with_plugin = run(*pytest_command, option, "test_project.py", cwd=tmp_path)
        assert "1 failed, 1 passed" in with_plugin.stdout, with_plugin.stdout + with_plugin.stderr
        assert with_plugin.stdout.startswith(".F") and not with_plugin.stderr
    without = run(*pytest_command, "test_project.py", cwd=tmp_path)
    assert "1 error" in without.stdout and "only supported on macOS" in without.stdout
