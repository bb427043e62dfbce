"""What makes a fine-tuning the same one again, which command it is, and disks that are full."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest

from distill.finetune import main
from distill.runs.finetune_result import FinetuneResult
from distill.tasks.evaluation import Evaluation
from distill.training import finetuning

ROWS = "sentence\tlabel\n" + "".join(f"Bread number {n} rises.\t{n % 2}\n" for n in range(16))
STEPS = {
    "max_steps": 1,
    "per_device_train_batch_size": 4,
    "max_length": 32,
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
}


@pytest.fixture
def line(small_teacher: Path, tmp_path: Path):
    """The command on a data set of its own, with the options of a step and others."""
    folder = tmp_path / "data" / "SST-2"
    folder.mkdir(parents=True)
    for split in ("train", "dev"):
        (folder / f"{split}.tsv").write_text(ROWS, encoding="utf-8")

    def write(**options: Any) -> list[str]:
        own = {"task": "sst2", "model": small_teacher, "data": tmp_path / "data"}
        given = {**own, "output_dir": tmp_path / "run", **STEPS, **options}
        return [part for name, value in given.items() for part in (f"--{name}", str(value))]

    return write


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The `TrainingArguments` of every training, which takes no time here."""
    started: list[Any] = []

    def finetune(task: Any, places: Any, options: Any, settings: Any, training: Any, _: Any) -> Any:
        started.append(training)
        scores = Evaluation({"score": 50.0 + training.seed, "total": 16}, {})
        result = FinetuneResult(
            task="sst2", inputs=16, seconds=1.0, steps=1, train_loss=0.5,
            seed=training.seed, scores=scores,
        )  # fmt: skip
        return result, [{"loss": 0.5, "step": 1}]

    monkeypatch.setattr(finetuning, "finetune", finetune)
    return started


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("weight_decay", 0.1),
        ("warmup_steps", 10),
        ("lr_scheduler_type", "cosine"),
        ("max_grad_norm", 5),
        ("adam_beta1", 0.8),
        ("adam_beta2", 0.98),
        ("adam_epsilon", 1e-6),
        ("optim", "adafactor"),
        ("bf16", True),
        ("data_seed", 3),
        ("learning_rate", 1e-3),
        ("seed", 3),
        ("max_steps", 2),
    ],
)
def test_settings_that_decide_the_outcome_make_another_run(
    line, trainings: list[Any], option: str, value: Any, capsys
) -> None:
    assert main(line()) == 0
    assert main(line(**{option: value})) == 2
    assert f"holds a run with {option} = " in capsys.readouterr().err
    assert len(trainings) == 1


def test_settings_that_decide_nothing_do_not_make_another_run(
    line, trainings: list[Any], tmp_path: Path
) -> None:
    assert main(line()) == 0
    assert main(line(logits_cache=tmp_path, allow_weak_teacher=True, logging_steps=3)) == 0
    assert len(trainings) == 1


def test_a_series_and_a_single_run_share_a_folder(
    line, trainings: list[Any], tmp_path: Path, capsys
) -> None:
    """Neither takes the other's result for its own."""
    results = {}
    for seeds in (2, 1, 2, 1):
        assert main([*line(seed=1, seeds=seeds), "--json"]) == 0
        results.setdefault(seeds, []).append(json.loads(capsys.readouterr().out))
    assert len(trainings) == 3
    assert results[2][0] == results[2][1] and results[1][0] == results[1][1]
    assert results[2][0]["median"]["labels"]["score"] == 51.5
    assert results[1][0]["dev"]["score"] == 51
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == results[2][0]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics.items() >= results[1][0].items()


def test_metrics_have_settings_versions_and_losses(
    line, trainings: list[Any], tmp_path: Path
) -> None:
    assert main(line(weight_decay=0.25)) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["training"]["weight_decay"] == 0.25
    assert metrics["settings"]["task"] == "sst2"
    assert metrics["training"]["max_steps"] == 1
    assert "torch" in metrics["machine"]["versions"]
    assert metrics["log"] == [{"loss": 0.5, "step": 1}]


def test_metrics_of_nothing_that_was_recorded_are_refused(
    line, trainings: list[Any], tmp_path: Path, capsys
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.json").write_text("{}")
    assert main(line()) == 2
    assert "holds a model without the run.json" in capsys.readouterr().err
    assert not trainings


def test_a_full_disk_is_one_line_and_the_run_goes_on_afterwards(
    line, small_teacher: Path, tmp_path: Path, capsys
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # below the weights' size
    try:
        assert main(line()) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the disk is full" in capsys.readouterr().err
    assert main(line()) == 0
    assert (tmp_path / "run" / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("resume_from_checkpoint", "checkpoint-4", "goes on from its last complete checkpoint"),
        ("save_only_model", True, "cannot go on from weights alone"),
        ("label_smoothing_factor", 0.1, "no such term"),
        ("validation_share", 0.2, "need --eval_strategy steps"),
        ("hidden_weight", -1, "must be 0 or more"),
        ("task", "nope", "unknown task 'nope'; choose from squad, squad2, "),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    line, trainings: list[Any], option: str, value: Any, message: str, capsys
) -> None:
    assert main(line(**{option: value})) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed and not trainings


def test_the_teacher_comes_before_the_baseline(
    line, small_teacher: Path, trainings: list[Any]
) -> None:
    """So that a weak one is refused before anything is trained."""
    assert main([*line(teacher=small_teacher, seeds=2), "--baseline"]) == 0
    names = [Path(training.output_dir).name.split("-")[0] for training in trainings]
    assert names == ["distilled", "labels"] * 2


def test_the_task_of_text_is_not_taken_from_another_option(line, trainings: list[Any]) -> None:
    assert main(line(run_name="sst2 beside --task mlm")) == 0
    assert len(trainings) == 1
