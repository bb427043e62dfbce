"""Every command that a page shows exists and has the options that it is shown with."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.commands import PAGES, ROOT, shown_commands

OPTION = re.compile(r"--[a-z][\w-]*")


@functools.cache
def known_options(module: str) -> set[str]:
    """What ``--help`` lists, and what every training takes."""
    result = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"python -m {module} --help: {result.stderr}"
    known = set(OPTION.findall(result.stdout))
    if "TrainingArguments" in result.stdout:
        from transformers import TrainingArguments

        known |= {f"--{name}" for name in TrainingArguments.__dataclass_fields__}
    return known


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if shown_commands(page)], ids=str)
def test_shown_options_exist(page: Path) -> None:
    for command in shown_commands(page):
        words = shlex.split(command)
        options = {word.partition("=")[0] for word in words[3:] if word.startswith("--")}
        assert options <= known_options(words[2]), f"{page}: {command}"


def test_commands_are_found_on_a_page() -> None:
    """The reader of pages reads: the README shows an export, its continuation included."""
    commands = shown_commands(Path("README.md"))
    assert any(command.startswith("python -m export.coreml ") for command in commands)
    assert not any(command.endswith("\\") for command in commands)
