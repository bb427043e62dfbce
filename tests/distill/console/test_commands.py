"""Every command is listed with a sentence, has a --help, and an unknown one is one line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from distill.console.commands import PACKAGES, commands, list_commands, main
from distill.console.errors import BROKEN_PIPE

ROOT = Path(__file__).parents[3]
EVERY = [(package, name) for package in PACKAGES for name in commands(package)]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_package_lists_its_commands(package: str) -> None:
    result = python(package)
    assert result.returncode == 0
    for name, sentence in commands(package).items():
        assert len(sentence) > 20
        assert f"{package}.{name}" in result.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_list_of_commands_has_a_line_each_on_80_columns(
    package: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([package]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert printed.splitlines()[2:] == [
        f"  {package + '.' + name:<27}{sentence}" for name, sentence in commands(package).items()
    ]


def test_root_of_a_package_holds_commands_alone() -> None:
    for package, name in EVERY:
        text = (ROOT / package / f"{name}.py").read_text(encoding="utf-8")
        assert "@command\ndef main(" in text, f"{package}/{name}.py is not a command"


def test_unknown_command_is_one_line() -> None:
    result = python("export", "corml")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and "coreml" in result.stderr


@pytest.mark.parametrize("package", ["distill", "export", "bench", "distilkit"])
def test_version_is_that_of_the_setup_and_the_citation(
    package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a checkout without an installed package, too: nothing asks for its metadata."""
    (number,) = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
    status = (
        main(["--version"]) if package == "distilkit" else list_commands(package, ["--version"])
    )
    assert status == 0
    assert capsys.readouterr().out == f"distilkit {number}\n"


def test_list_whose_reader_has_enough_ends_quietly() -> None:
    """As of ``python -m distill | head -1``."""
    line = [sys.executable, "-m", "distill"]
    with subprocess.Popen(line, stdout=PIPE, stderr=PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == BROKEN_PIPE
        assert process.stderr.read() == ""


def test_entry_point_runs_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["export", "verify", "--help"])
    assert stop.value.code == 0
    assert "usage" in capsys.readouterr().out
    assert main(["distil"]) == 2


def test_help_of_every_command_fits_and_does_without_pytorch() -> None:
    """PyTorch takes two seconds to load, and one asks for the options more often than for a run."""
    code = """
import contextlib, importlib, io, os, sys
from distill.console.errors import BROKEN_PIPE
from distill.console.commands import PACKAGES, commands

for package in PACKAGES:
    for name in commands(package):
        for columns in (80, 120):
            os.environ["COLUMNS"] = str(columns)
            shown = io.StringIO()
            with contextlib.suppress(SystemExit), contextlib.redirect_stdout(shown):
                importlib.import_module(f"{package}.{name}").main(["--help"])
            assert "usage: " in shown.getvalue(), (package, name)
            assert max(map(len, shown.getvalue().splitlines())) <= columns, (package, name)
        assert "torch" not in sys.modules, (package, name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
