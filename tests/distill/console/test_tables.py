"""Tables fit the terminal: names whole, numbers whole, in parts where they must."""

from __future__ import annotations

import pytest

from distill.console.tables import parts, print_pairs, print_table

HEADER = ["model", "runtime", "workload", *(f"figure {n} ms" for n in range(8))]
NUMBERS = [False] * 3 + [True] * 8
NAMES = ("a-model-of-the-kit", "another[int8][/a]:bug:")
ROWS = [
    [name, runtime, "fixed:128", *(f"{n}.{n}{n}" for n in range(8))]
    for name in NAMES
    for runtime in ("onnxruntime-int8", "torch")
]


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table("Latency", HEADER, ROWS, NUMBERS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    for row in ROWS:
        shown = [line for line in lines if row[0] in line and f" {row[1]} " in line]
        assert len(shown) == len(parts(HEADER, ROWS, NUMBERS, columns)) > 1
        words = " ".join(shown).split()
        assert all(words.count(cell) == 1 for cell in row[3:])
    assert all("…" not in line for line in lines)


def test_a_table_that_fits_is_one() -> None:
    assert parts(HEADER, ROWS, NUMBERS, 300) == [list(range(len(HEADER)))]
    assert parts(["a", "b"], [["x", "y"]], [False, False], 80) == [[0, 1]]


def test_a_name_wider_than_the_terminal_is_broken_not_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "".join(map(str, range(60)))
    print_table("Latency", ["model", "ms"], [[name, "1.25"]], [False, True])
    print_pairs(f"of {name}", [("name", f"{name} [bold]")])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    text = "".join(line.strip("│ ") for line in lines)
    assert "1.25" in text and "[bold]" in text
    assert "".join(character for character in text if character.isdigit()).count("5859") >= 3


def test_table_shows_the_codes_of_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs("a[/b] [red]x", [("phone", "\x1b]0;gone\x07 \x9b2J")])
    printed = capsys.readouterr().out
    assert "a[/b] [red]x" in printed and "\\u001b]0;gone\\u0007 \\u009b2J" in printed
    assert not {"\x1b", "\x07", "\x9b"} & set(printed)
