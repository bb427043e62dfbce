"""The picture of a training's losses: what it shows, and that every run leaves one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.runs.loss_plot import LOSSES_FILE, loss_figure, write_losses
from distill.runs.run_folder import clear_run, where_the_model_is
from tests.distill.one_step import run

PRETRAINING = [
    {"step": 1, "loss": 9.0, "loss_masked": 4.0, "loss_cosine": 1.0, "grad_norm": 2.0},
    {"step": 2, "loss": 7.0, "loss_masked": 3.0, "loss_cosine": 0.5, "grad_norm": 1.0},
    {"step": 2, "eval_loss": 8.0, "eval_masked": 3.5, "eval_perplexity": 33.0, "eval_runtime": 1.0},
]
FINETUNING = [
    {"step": 5, "loss": 0.7},
    {"step": 10, "loss": 0.5},
    {"step": 10, "eval_macro_f1": 61.0, "eval_accuracy": 70.0},
]


def curves(axes) -> dict[str, tuple[list[float], list[float]]]:  # type: ignore[no-untyped-def]
    return {x.get_label(): (list(x.get_xdata()), list(x.get_ydata())) for x in axes.get_lines()}


def test_losses_of_a_pretraining_are_drawn_with_their_terms() -> None:
    above, below = loss_figure(PRETRAINING).axes
    assert curves(above) == {
        "training loss": ([1, 2], [9.0, 7.0]),
        "held-out loss": ([2], [8.0]),
        "cosine": ([1, 2], [1.0, 0.5]),
        "masked": ([1, 2], [4.0, 3.0]),
    }
    assert curves(below) == {"perplexity": ([2], [33.0])}
    assert (above.get_ylabel(), below.get_xlabel()) == ("loss", "step")


def test_losses_of_a_finetuning_stand_above_its_metrics() -> None:
    above, below = loss_figure(FINETUNING).axes
    assert curves(above) == {"training loss": ([5, 10], [0.7, 0.5])}
    assert curves(below) == {"macro F1, %": ([10], [61.0]), "accuracy, %": ([10], [70.0])}
    assert len(loss_figure(FINETUNING[:2]).axes) == 1


def test_losses_are_written_as_a_picture_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / LOSSES_FILE
    assert write_losses(PRETRAINING, path)
    with Image.open(path) as picture:
        width, height = picture.size
        assert picture.format == "PNG" and width > 800 and height > 800
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert path.stat().st_size < 200_000
    assert [entry.name for entry in tmp_path.iterdir()] == [LOSSES_FILE]
    assert not write_losses([{"step": 1, "train_loss": 1.0}], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("steps", [1, 8])
def test_losses_of_any_run_are_drawn_by_default(
    pair: dict[str, Path],
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    steps: int,
) -> None:
    output = tmp_path / "run"
    assert run(pair, table, output, "--max_steps", str(steps)) == 0
    assert f"{LOSSES_FILE} draws them" in capsys.readouterr().out.replace("\n", " ")
    log = json.loads((output / "metrics.json").read_text())["log"]
    assert sum("loss" in row for row in log) == steps
    with Image.open(output / LOSSES_FILE) as picture:
        assert picture.size[0] > 800


def test_losses_of_a_run_that_is_cleared_go_too(tmp_path: Path) -> None:
    for name in ("run.json", "metrics.json"):
        (tmp_path / name).write_text("{}")
    write_losses(FINETUNING, tmp_path / LOSSES_FILE)
    words = "\n".join(where_the_model_is(tmp_path, "export.coreml --model {}"))
    assert LOSSES_FILE in words and words.endswith(
        f"next: python -m export.coreml --model {tmp_path}"
    )
    clear_run(tmp_path, {"seed": 1})
    assert not (tmp_path / LOSSES_FILE).exists()
