"""The results of trainings and their files: `finetune_result`, `pretraining_result`, `kept_step`
and `loss_ablation` keep the names that ``metrics.json`` and ``ablation.json`` have always had."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from distill.runs.finetune_result import FinetuneResult, QuantizedScores
from distill.runs.kept_step import KeptStep
from distill.runs.pretraining_result import AdaptationResult, PretrainingResult, StudentSize
from distill.tasks.evaluation import EVALUATIONS, Evaluation
from distill.tasks.table import TASKS
from distill.training.loss_ablation import ROWS, Ablation, TrainedRow, compared

KEPT = KeptStep(4, "f1", 80.5, 3, 20, "kept out of the training data", 6, True)
PLAIN = FinetuneResult(task="rank", inputs=8, seconds=1.5, steps=6, train_loss=0.5, seed=42)
WHOLE = replace(
    PLAIN,
    task="squad",
    counts={"questions": 9, "mismatches": 0},
    without_answer_in_a_window=1,
    teacher={"f1": 90.0, "total": 9},
    best=KEPT,
    quantized=QuantizedScores("int8", {"f1": 79.0}),
    scored_on="held_out",
    scores=Evaluation({"f1": 80.0, "total": 9}, {"f1": (70.0, 90.0)}),
)
PRETRAINED = PretrainingResult(
    settings={"teacher": "minilm"},
    training={"seed": 42},
    student=StudentSize(parameters=9, layers=3),
    corpus={"sequences": 7, "tokens": 70},
    held_out_sequences=1,
    padding=0.25,
    steps=2,
    stopped_early=False,
    resumed_from=None,
    tokens_seen=60,
    seconds=1.0,
    tokens_per_second=60.0,
    train_loss=2.5,
    evaluation={"loss": 3.0, "perplexity": 20.0},
    processes=1,
    seed=42,
)


def test_metrics_of_a_fine_tuning_keep_their_names_and_order() -> None:
    assert list(WHOLE.as_json()) == [
        *("task", "questions", "mismatches", "inputs", "without_answer_in_a_window", "teacher"),
        *("seconds", "steps", "train_loss", "best", "quantized", "held_out", "intervals", "seed"),
    ]
    assert list(PLAIN.as_json()) == ["task", "inputs", "seconds", "steps", "train_loss", "seed"]
    assert WHOLE.as_json()["quantized"] == {"weights": "int8", "f1": 79.0}


@pytest.mark.parametrize("result", [PLAIN, WHOLE], ids=["plain", "whole"])
def test_a_fine_tuning_is_read_as_it_was_written(result: FinetuneResult) -> None:
    stored = json.loads(json.dumps({**result.as_json(), "settings": {}, "log": []}))
    read = FinetuneResult.from_json(stored)
    assert read.as_json() == result.as_json()
    assert read.best == result.best and read.counts == result.counts


def test_metrics_of_a_pretraining_keep_their_names_and_order() -> None:
    names = [
        *("settings", "training", "student", "corpus", "held_out_sequences", "padding", "steps"),
        *("stopped_early", "resumed_from", "tokens_seen", "seconds", "tokens_per_second"),
        *("train_loss", "evaluation", "processes", "seed"),
    ]
    assert list(PRETRAINED.as_json()) == names
    evaluated = replace(PRETRAINED, best=KEPT).as_json()
    assert list(evaluated) == [*names[:-2], "best", *names[-2:]]
    assert evaluated["best"]["rows_from"] == "kept out of the training data"
    assert list(AdaptationResult(PRETRAINED, None).as_json()) == [*names, "frozen"]


@pytest.mark.parametrize("best", [None, KEPT])
def test_a_pretraining_is_read_as_it_was_written(best: KeptStep | None) -> None:
    result = replace(PRETRAINED, best=best)
    stored = json.loads(json.dumps({**result.as_json(), "machine": {}, "log": []}))
    assert PretrainingResult.from_json(stored) == result


def test_rows_of_an_ablation_keep_their_names_and_order() -> None:
    full, other = (
        TrainedRow(
            row=ROWS[name],
            perplexity=perplexity,
            scores={"sst2": score, "stsb": score + 2},
            steps=5,
            tokens_seen=100,
            seconds=1.0,
        )
        for name, perplexity, score in (("full", 20.0, 70.0), ("no-ce", 30.0, 67.5))
    )
    ablation = Ablation(
        teacher="minilm",
        layers=3,
        steps=5,
        tasks=["sst2", "stsb"],
        seed=42,
        seeds=1,
        rows=compared([full, other]),
        machine={},
    )
    stored = ablation.as_json()
    assert list(stored) == [
        *("teacher", "layers", "steps", "tasks", "seed", "seeds", "rows", "machine")
    ]
    assert list(stored["rows"][1]) == [
        *("name", "label", "changes", "paper", "perplexity", "scores", "steps", "tokens_seen"),
        *("seconds", "mean", "difference", "perplexity_ratio"),
    ]
    assert stored["rows"][0]["difference"] == 0 and stored["rows"][0]["perplexity_ratio"] == 1
    assert stored["rows"][1]["difference"] == -2.5 and stored["rows"][1]["perplexity_ratio"] == 1.5


def test_every_task_is_scored_on_a_name_that_metrics_are_read_by() -> None:
    assert {task.evaluation for task in TASKS.values()} == set(EVALUATIONS)
