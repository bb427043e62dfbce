"""Run the commands of a page as typed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.docs.commands import ROOT

MINUTES = 10
"""Of one command, at most."""


def run_in_order(
    commands: Sequence[str],
    folder: Path,
    shorter: Mapping[str, Sequence[str]] | None = None,
    data: Path | None = None,
) -> dict[str, str]:
    """Run commands as typed, in ``folder``; each must end well and print something.

    Args:
        shorter: options to add to a command's own, by its module, where it would take hours.
        data: what DISTILKIT_DATA names.

    Returns:
        What each printed, by command.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("DISTILKIT_DATA", None)
    if data is not None:
        environment["DISTILKIT_DATA"] = str(data)
    printed = {}
    for command in commands:
        words = [found for word in shlex.split(command)[1:] for found in _expanded(word, folder)]
        result = subprocess.run(
            [sys.executable, *words, *(shorter or {}).get(words[1], ())],
            cwd=folder, env=environment, capture_output=True, text=True,
            timeout=60 * MINUTES, check=False,
        )  # fmt: skip
        assert result.returncode == 0, f"{command}\n{result.stderr[-2000:]}"
        assert result.stdout.strip(), f"{command}: it printed nothing"
        printed[command] = result.stdout
    return printed


def _expanded(word: str, folder: Path) -> list[str]:
    """The files that a pattern stands for, as a shell has it."""
    if "*" not in word:
        return [word]
    return sorted(str(path.relative_to(folder)) for path in folder.glob(word)) or [word]
