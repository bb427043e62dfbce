"""Reports by names that people use, too: a command writes over its own alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill import ablate, finetune
from distill.console.errors import UserError
from distill.runs.own_reports import check_report


@pytest.mark.parametrize("content", ['{"median": 3}', "[1]", "my summary", ""])
def test_a_report_of_another_is_kept(content: str, tmp_path: Path) -> None:
    report = tmp_path / "summary.json"
    report.write_text(content)
    with pytest.raises(UserError, match=r"summary\.json is not a report of this command"):
        check_report(report, ("median", "runs"))
    report.write_text(json.dumps({"median": {}, "runs": {}, "gain": {}}))
    check_report(report, ("median", "runs"))


def test_a_link_and_a_picture_without_its_report_are_kept(tmp_path: Path) -> None:
    report, picture = tmp_path / "ablation.json", tmp_path / "ablation.png"
    check_report(report, ("rows",), [picture])
    picture.write_bytes(b"mine")
    with pytest.raises(UserError, match=r"ablation\.png is not a report"):
        check_report(report, ("rows",), [picture])
    (tmp_path / "mine.json").write_text('{"rows": []}')
    report.symlink_to(tmp_path / "mine.json")
    with pytest.raises(UserError, match=r"ablation\.json is not a report"):
        check_report(report, ("rows",), [picture])


def test_the_commands_keep_them_before_they_train(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("summary.json", "ablation.png"):
        (tmp_path / name).write_text("mine")
    series = ["--model", "qa-mini", "--task", "squad", "--seeds", "2", "--out", str(tmp_path)]
    assert finetune.main([*series, "--report_to", "none"]) == 2
    assert "summary.json is not a report of this command" in capsys.readouterr().err
    rows = ["--teacher", "qa-mini", "--text", "x.txt", "--out", str(tmp_path), "--max_steps", "1"]
    assert ablate.main(rows) == 2
    assert "ablation.png is not a report of this command" in capsys.readouterr().err
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}
