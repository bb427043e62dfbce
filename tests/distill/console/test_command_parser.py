"""One parser for the commands of `export` and `bench`: its errors are one line, and a command that
prints JSON can keep it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from distill.console.command_parser import (
    add_json_options,
    command_parser,
    finite,
    show_result,
)
from distill.console.commands import commands
from distill.console.errors import UserError

COMMANDS = [f"{package}.{name}" for package in ("export", "bench") for name in commands(package)]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("line", [["--colour", "red"], ["a", "b", "c", "d", "--jsn"]])
def test_an_unknown_option_is_one_line(
    command: str, line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert importlib.import_module(command).main(line) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_prints_json_keeps_it_too(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        importlib.import_module(command).main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert (" --json " in printed) == ("--save-json FILE" in printed)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--savejson", "x"], "unknown option --savejson (did you mean --save-json?)"),
        (["--colour=red"], "unknown option --colour (--help lists the options)"),
        (["word"], "unexpected argument 'word' (--help lists the options)"),
        (["--save-json"], "argument --save-json: expected one argument (--help lists the options)"),
        (["--js"], "unknown option --js (did you mean --json?)"),
    ],
)
def test_errors_say_what_is_wrong(line: list[str], message: str) -> None:
    parser = command_parser("export.lint", "What it does.")
    add_json_options(parser)
    with pytest.raises(UserError) as error:
        parser.parse_args(line)
    assert str(error.value) == message


def test_a_result_is_printed_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = command_parser("export.lint", None)
    add_json_options(parser)
    file = tmp_path / "result.json"
    result = {"psnr": float("inf"), "rows": ({"ms": float("nan")}, 2)}
    show_result(parser.parse_args(["--save-json", str(file)]), result, lambda _: print("a table"))
    assert capsys.readouterr().out == "a table\n"
    kept = file.read_text(encoding="utf-8")
    assert json.loads(kept) == finite(result) == {"psnr": None, "rows": [{"ms": None}, 2]}
    show_result(parser.parse_args(["--json"]), result, lambda _: print("a table"))
    assert capsys.readouterr().out == kept
