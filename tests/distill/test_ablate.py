"""An ablation of tiny students: its rows, its differences, and going on where it stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from distill.ablate import main
from distill.console.errors import UserError
from distill.training import pretraining_run as pretraining
from distill.training.loss_ablation import (
    ROWS,
    Ablation,
    TrainedRow,
    chosen_rows,
    compared,
    show,
)
from distill.training.settings import PretrainSettings

ROWS_RUN = ("no-mlm", "random")


@pytest.fixture(scope="module")
def glue(tmp_path_factory: pytest.TempPathFactory, sentences: list[str]) -> Path:
    """SST-2 in the official layout: of two sentences the one with more letters e is positive."""
    folder = tmp_path_factory.mktemp("glue") / "SST-2"
    folder.mkdir()
    for split, part in (("train", sentences[:48]), ("dev", sentences[48:64])):
        rows = [f"{text}\t{int(text.count('e') > 8)}" for text in part]
        (folder / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *rows]) + "\n")
    return folder.parent


@pytest.fixture
def line(small_teacher: Path, text_file: Path, glue: Path, tmp_path: Path) -> list[str]:
    options: dict[str, Any] = {
        "teacher": small_teacher,
        "text": text_file,
        "data": glue,
        "tasks": "SST-2",
        "layers": 2,
        "sequence_length": 64,
        "held_out": 0.2,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "max_steps": 3,
        "save_strategy": "no",
        "task_steps": 2,
        "task_max_length": 48,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "output_dir": tmp_path / "out",
    }
    return [part for key, value in options.items() for part in (f"--{key}", str(value))]


@pytest.mark.slow
def test_rows_are_compared_and_a_stopped_ablation_goes_on(
    line: list[str], tmp_path: Path, monkeypatch, capsys
) -> None:
    trained: list[str] = []
    train = pretraining.DistillTrainer.train

    def stopping(self: Any, *arguments: Any, **keywords: Any) -> Any:
        trained.append(Path(self.args.output_dir).parent.name)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return train(self, *arguments, **keywords)

    monkeypatch.setattr(pretraining.DistillTrainer, "train", stopping)
    assert main([*line, "--rows", *ROWS_RUN]) == 130
    partial = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [row["name"] for row in partial["rows"]] == ["full", "no-mlm"]
    capsys.readouterr()

    assert main([*line, "--rows", *ROWS_RUN, "--json"]) == 0
    assert trained == ["full", "no-mlm", "random", "random"]
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert report["rows"][:2] == partial["rows"]
    assert (tmp_path / "out" / "ablation.png").read_bytes().startswith(b"\x89PNG")
    assert (report["steps"], report["layers"], report["tasks"]) == (3, 2, ["sst2"])
    full, *others = report["rows"]
    for row, name in zip(others, ROWS_RUN, strict=True):
        assert (row["name"], row["paper"]) == (name, ROWS[name].paper)
        assert row["difference"] == pytest.approx(row["scores"]["sst2"] - full["scores"]["sst2"])
        assert row["perplexity_ratio"] == pytest.approx(row["perplexity"] / full["perplexity"])
        student = json.loads((tmp_path / "out" / name / "student" / "metrics.json").read_text())
        assert {k: student["settings"][k] for k in row["changes"]} == row["changes"]
        assert (
            student["corpus"]
            == json.loads((tmp_path / "out" / "full" / "student" / "metrics.json").read_text())[
                "corpus"
            ]
        )
        assert student["evaluation"]["perplexity"] == row["perplexity"] != full["perplexity"]


def test_a_row_that_would_repeat_another_is_left_out() -> None:
    """Of 12 layers the reference's six are those evenly spaced; the full loss has temperature 2."""
    settings = PretrainSettings(text=["x"], teacher="t", layers=6)
    names = [row.name for row in chosen_rows((), settings, 12)]
    assert names[:5] == ["full", "no-ce", "no-cos", "no-mlm", "random"]
    assert names[5:] == ["temperature-1", "temperature-4", "layers-first", "layers-last"]
    settings = PretrainSettings(text=["x"], teacher="t", layers=3, temperature=4)
    names = [row.name for row in chosen_rows(("temperature-4", "layers-even"), settings, 6)]
    assert names == ["full", "layers-even"]
    with pytest.raises(UserError, match="unknown row 'no-kl'"):
        chosen_rows(("no-kl",), settings, 6)
    with pytest.raises(UserError, match="3 layers cannot be made from 2"):
        chosen_rows((), settings, 2)


def test_differences_and_table(capsys) -> None:
    def trained(name: str, perplexity: float, **scores: float) -> TrainedRow:
        return TrainedRow(
            row=ROWS[name],
            perplexity=perplexity,
            scores=scores,
            steps=9,
            tokens_seen=90,
            seconds=1.0,
        )

    rows = compared(
        [trained("full", 20.0, sst2=80, stsb=70), trained("no-ce", 25.0, sst2=77, stsb=71)]
    )
    assert [row.trained.mean for row in rows] == [75, 74]
    assert (rows[1].difference, rows[1].perplexity_ratio) == (-1, 1.25)
    show(
        Ablation(
            teacher="t",
            layers=3,
            steps=9,
            tasks=["sst2", "stsb"],
            seed=1,
            seeds=1,
            rows=rows,
            machine={},
        )
    )
    printed = capsys.readouterr().out
    cells = [cell.strip() for cell in printed.splitlines()[-3].strip("│").split("│")]
    assert cells == [
        "without L_ce", "25.0", "77.00", "71.00", "74.00", "-1.00", "-2.96"
    ]  # fmt: skip
    assert math.isclose(ROWS["random"].paper or 0, -3.69)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tasks", "sst3"], "unknown task 'sst3'"),
        (["--rows", "no-kl"], "unknown row 'no-kl'"),
        (["--seeds", "0"], "must be above 0"),
        (["--student", "minilm", "--layers", "6"], "leave --student out"),
        (["--alpha", "2"], "unknown option --alpha"),
        (["--layers", "9"], "9 layers cannot be made from 4"),
    ],
)
def test_ablations_that_cannot_be_made_are_one_line(
    line: list[str], options: list[str], message: str, capsys
) -> None:
    assert main([*line, *options]) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
