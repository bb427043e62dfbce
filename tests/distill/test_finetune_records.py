"""A run goes on, or is taken as finished, only where everything that decided it is the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

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
