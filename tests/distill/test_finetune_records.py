"""A run goes on, or is taken as finished, only where everything that decided it is the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from distill.corpus.length_batches import LengthBatches
from distill.finetune import main as finetune
from distill.training.settings import schedule
from tests.distill.one_step import run


def test_other_content_or_settings_are_another_run(
    pair: dict[str, Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, output = tmp_path / "dev.csv", tmp_path / "run"
    other.write_text(table.read_text())
    assert run(pair, table, output, "--eval_data", str(other)) == 0
    assert run(pair, table, output, "--eval_data", str(other)) == 0
    assert "not run again; --force runs it again" in capsys.readouterr().err
    for changed in (table, other):
        text = changed.read_text()
        changed.write_text(text.replace("bread", "water"))  # of the same size
        assert run(pair, table, output, "--eval_data", str(other)) == 2
        assert f"content of {changed}" in capsys.readouterr().err
        changed.write_text(text)
    for option in (
        ("--alpha", "0.4"),
        ("--dropout", "0.3"),
        ("--per_device_train_batch_size", "4"),
        ("--gradient_accumulation_steps", "2"),
    ):
        assert run(pair, table, output, "--eval_data", str(other), *option) == 2, option
        assert option[0][2:] in capsys.readouterr().err


def test_processes_are_a_part_of_the_run() -> None:
    training: object = SimpleNamespace(world_size=2)
    assert schedule(training, ()) == {"processes": 2}  # type: ignore[arg-type]


def test_steps_of_several_processes_are_fewer() -> None:
    """Batches of a step: gradient accumulation times processes."""
    batches = LengthBatches(np.arange(1, 41), 2, 0, batches_per_step=4, processes=2)
    assert (batches.count, batches.count // batches.batches_per_step) == (20, 5)
    orders = [batches.rows(epoch) for epoch in (0, 1)]
    assert [row.tolist() for row in orders[0]] != [row.tolist() for row in orders[1]]


def test_rows_that_choose_the_step_are_not_rows_without_labels(
    pair: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"bread {n} and stone" for n in range(40)]
    rows = "".join(f"{text},{('no', 'yes')[n % 2]}\n" for n, text in enumerate(texts))
    data, chooses = tmp_path / "rows.csv", tmp_path / "chooses.csv"
    data.write_text("text,label\n" + rows)
    chooses.write_text("text,label\nthe mill,no\na mill,yes\n")
    plain = tmp_path / "plain.txt"
    plain.write_text("the mill\na mill\nother words\nmore words\n")
    options = ["--validation_data", str(chooses), "--eval_strategy", "steps", "--eval_steps", "1"]
    assert run(pair, data, tmp_path / "run", "--unlabelled", str(plain), *options) == 0
    assert "2 rows of" in (said := capsys.readouterr().err)
    assert "2 left out, which are scored" in said


@pytest.mark.parametrize("option", ["alpha", "temperature", "hidden_weight", "relation_weight"])
def test_option_of_a_teacher_without_one_is_refused(
    option: str,
    pair: dict[str, Path],
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["--task", "classify", "--data", str(table), "--model", str(pair["student"])]
    assert finetune([*line, "--out", str(tmp_path / "run"), f"--{option}", "0.5"]) == 2
    assert f"--{option} needs a --teacher" in capsys.readouterr().err
