"""What --help prints within a terminal."""

from __future__ import annotations

import shlex

import pytest

from distill.console.command_parser import command_parser

TEXT = """Compare a package with the library that made its checkpoint, and say how far it is off in
one sentence.

Example:

    python -m kit.verify minilm-int8 --data STS-B/dev.tsv --against sentence-transformers --limit 3
    python -m kit.verify minilm-int8 \\
      --limit 300   # a remark
"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "60")
    parser = command_parser("kit.verify", TEXT, "runtimes:\n  coreai    Apple's, " + "word " * 12)
    parser.add_argument("package")
    parser.add_argument("--limit", type=float, default=0.0, help="of examples")
    parser.add_argument("--data", required=True, help="the file")
    parser.add_argument("--layout", choices=("standard", "ane"), help="of tensors")
    return parser.format_help()


def test_help_is_as_wide_as_the_terminal(shown: str) -> None:
    assert max(map(len, shown.splitlines())) <= 60


def test_help_of_an_example_is_a_command_that_can_be_pasted(shown: str) -> None:
    joined = shown.replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if "kit.verify minilm" in line]
    assert [shlex.split(line) for line in lines] == [
        shlex.split("python -m kit.verify minilm-int8 --data STS-B/dev.tsv "
                    "--against sentence-transformers --limit 3"),
        shlex.split("python -m kit.verify minilm-int8 --limit 300"),
    ]  # fmt: skip
    assert "--against \\" not in shown


def test_help_fills_paragraphs_and_keeps_a_table(shown: str) -> None:
    assert "checkpoint, and say how far it is off in one sentence." in " ".join(shown.split())
    assert "\n            word" in shown


def test_help_shows_what_is_required_and_defaults_that_say_something(shown: str) -> None:
    assert shown.startswith("usage: python -m kit.verify [options] --data DATA package\n")
    assert "(default: 0.0)" in shown
    assert "--layout {standard,ane}" in shown
