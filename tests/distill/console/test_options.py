"""Options from the command line and from files: the same checks, one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.console.errors import UserError
from distill.console.options import parse
from distill.evaluate import main as evaluate
from distill.init_student import main as init_student
from distill.pretrain import main as pretrain
from distill.training.settings import PretrainSettings


def test_a_file_says_what_the_command_line_says(tmp_path: Path) -> None:
    """YAML takes 5e-1 for a text, and null for nothing."""
    path = tmp_path / "run.yaml"
    path.write_text(
        "text: [a, b c]\nteacher: t\nalpha_ce: 5e-1\nmasked_only: true\nstudent:\nlayers: 3\n"
    )
    line = ["--text", "a", "b c", "--teacher", "t", "--alpha_ce", "5e-1", "--layers", "3"]
    (expected,) = parse([*line, "--masked_only", "true"], PretrainSettings)
    assert parse([str(path)], PretrainSettings) == (expected,)
    assert expected.alpha_ce == 0.5 and expected.masked_only and expected.text == ["a", "b c"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("teacher: [t", "expected ',' or ']'"),
        ("- teacher\n- t\n", "holds no options"),
        ("text: x\nteacher: t\nlayers: many\n", "invalid int value: 'many'"),
        ("text: x\nteacher: t\ncolour: red\n", "there is no option --colour (--help"),
        ("text: x\nteacher: t\nalpha_ce: -1\n", "must not be negative"),
    ],
)
def test_what_a_file_cannot_say(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(content)
    with pytest.raises(UserError) as raised:
        parse([str(tmp_path / "run.yaml")], PretrainSettings)
    assert message in str(raised.value)


def test_a_json_file_that_is_cut_short(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"teacher": ')
    with pytest.raises(UserError, match=r"run\.json: Expecting value"):
        parse([str(tmp_path / "run.json")], PretrainSettings)


@pytest.mark.parametrize(
    ("main", "line", "message"),
    [
        (pretrain, [], "the following arguments are required: --text"),
        (pretrain, ["--teacher"], "argument --teacher: expected one argument"),
        (pretrain, ["nowhere.yaml"], "nowhere.yaml: no such file"),
        (evaluate, ["--limit", "none"], "invalid int value"),
        (evaluate, ["--modle", "x"], "there is no option --modle"),
        (init_student, ["--teacher", "minilm"], "required: --output_dir"),
    ],
)
def test_one_line_and_status_2(main, line: list[str], message: str, capsys) -> None:
    assert main(line) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
