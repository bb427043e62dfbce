"""Options from the command line and from files: the same checks, one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.console.errors import UserError
from distill.console.options import parse
from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.init_student import main as init_student
from distill.pretrain import main as pretrain
from distill.training.processes import SharedTraining
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
        ("- teacher\n- t\n", "run.yaml: expected options, one a line"),
        ("1: t\n", "run.yaml: expected options, one a line"),
        ("teacher: t\nteacher: s\n", "run.yaml: teacher is named twice"),
        ("a: &a [x, x]\nb: [*a, *a]\n", "run.yaml: aliases (*name) are not read"),
        ("text: " + "[" * 100_000, "run.yaml: a file of options cannot be nested so deep"),
        ("text: x\nteacher: t\nlayers: many\n", "invalid int value: 'many'"),
        ("text: x\nteacher: t\ncolour: red\n", "run.yaml: unknown option colour (--help"),
        ("text: x\nteachr: t\n", "run.yaml: unknown option teachr (did you mean --teacher?)"),
        ("text: x\nteacher: t\nalpha_ce: -1\n", "must be 0 or more"),
    ],
)
def test_file_of_options_that_is_wrong_is_one_line(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "run.yaml").write_text(content)
    with pytest.raises(UserError) as raised:
        parse([str(tmp_path / "run.yaml")], PretrainSettings)
    assert message in str(raised.value)


def test_options_after_a_file_override_it(tmp_path: Path) -> None:
    """Files first, the shared one before the own one; then the command line, lists as a whole."""
    (tmp_path / "all.yml").write_text("text: [a, b]\nteacher: t\nlayers: 3\nmasked_only: true\n")
    (tmp_path / "one.json").write_text('{"layers": 2, "temperature": 4}')
    files = [str(tmp_path / "all.yml"), str(tmp_path / "one.json")]
    (settings,) = parse([*files, "--text", "c", "--masked_only", "false"], PretrainSettings)
    assert (settings.text, settings.layers, settings.temperature) == (["c"], 2, 4.0)
    assert settings.teacher == "t" and not settings.masked_only


def test_out_is_the_folder_of_a_run_by_either_name(tmp_path: Path) -> None:
    """transformers calls it --output_dir."""
    (tmp_path / "run.yaml").write_text("out: a\n")
    for line in ([str(tmp_path / "run.yaml")], ["--out", "a"], ["--output_dir", "a"]):
        assert parse(line, SharedTraining)[0].output_dir == "a"


def test_a_json_file_that_names_an_option_twice(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"layers": 3, "layers": 4}')
    with pytest.raises(UserError, match=r"run\.json: layers is named twice"):
        parse([str(tmp_path / "run.json")], PretrainSettings)


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
        (pretrain, ["--text", "x", "--teacher", "t"], "name the folder of the run with --out"),
        (finetune, ["--model", "minilm", "--train_file", "x"], "name the folder of the run"),
        (evaluate, ["--limit", "none"], "invalid int value"),
        (evaluate, ["--modle", "x"], "unknown option --modle (did you mean --model?)"),
        (evaluate, ["--predict", "x"], "unknown option --predict"),
        (init_student, ["--teacher", "minilm"], "required: --out"),
    ],
)
def test_option_that_is_wrong_is_one_line_and_status_2(
    main, line: list[str], message: str, capsys
) -> None:
    assert main(line) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
