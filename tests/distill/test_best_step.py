"""Evaluations while fine-tuning, by the command: the best step is kept, or training ends early."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune

Capture = pytest.CaptureFixture[str]
NAMES = ("ham", "other", "spam")
WORDS = ("bread", "water", "stone", "wind")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 texts whose first word tells the label, and 20 more to choose on."""
    folder = tmp_path_factory.mktemp("data")
    for name, numbers in (("train", range(60)), ("chooses", range(60, 80))):
        rows = [f"{WORDS[n % 3]} number {n},{NAMES[n % 3]}" for n in numbers]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return folder


@pytest.fixture
def run(small_teacher: Path, data: Path, tmp_path: Path) -> Any:
    def start(name: str, *options: str) -> int:
        line = ["--task", "classify", "--data", str(data / "train.csv"), "--max_length", "24"]
        line += ["--model", str(small_teacher), "--out", str(tmp_path / name), "--use_cpu"]
        line += ["--eval_share", "0.2", "--per_device_train_batch_size", "8", "--max_steps", "16"]
        line += ["--report_to", "none", "--disable_tqdm", "true", "--learning_rate", "3e-3"]
        return finetune([*line, *options])

    return start


EVALUATED = ("--eval_strategy", "steps", "--eval_steps", "2")
BEST = (*EVALUATED, "--load_best_model_at_end", "True", "--validation_share", "0.3")


def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def test_best_step_is_kept_and_said(run: Any, tmp_path: Path, capsys: Capture) -> None:
    assert run("run", *BEST, "--eval_steps", "3", "--learning_rate", "2e-2") == 0
    out = tmp_path / "run"
    found = metrics(out)
    curve = {r["step"]: r["eval_score"] for r in found["log"] if "eval_score" in r}
    assert list(curve) == [3, 6, 9, 12, 15, 16]  # the last step, too
    best = found["best"]
    assert best["step"] == max(curve, key=lambda step: (curve[step], -step))
    assert (best["metric"], best["value"], best["evaluations"]) == ("score", max(curve.values()), 6)
    assert same(out, out / f"checkpoint-{best['step']}")
    sentence = f"Step {best['step']} of 16 is kept, the best of 6 evaluations: score"
    assert sentence in capsys.readouterr().out
    assert sentence in (out / "README.md").read_text()


def test_rows_that_choose_are_neither_trained_on_nor_reported(
    run: Any, tmp_path: Path, data: Path, capsys: Capture
) -> None:
    assert run("plain", "--save_strategy", "no", "--max_steps", "1") == 0
    assert run("chosen", *BEST, "--max_steps", "2") == 0
    plain, chosen = (metrics(tmp_path / name) for name in ("plain", "chosen"))
    assert chosen["inputs"] + chosen["best"]["rows"] == plain["inputs"]
    assert chosen["dev"]["total"] == plain["dev"]["total"]
    file = ("--validation_data", str(data / "chooses.csv"))
    assert run("file", *EVALUATED, "--load_best_model_at_end", "True", *file) == 0
    found = metrics(tmp_path / "file")
    assert (found["inputs"], found["best"]["rows"]) == (plain["inputs"], 20)
    # An independent witness: the kept checkpoint on the file, by the command of evaluation.
    capsys.readouterr()
    line = ["--task", "classify", "--data", str(data / "chooses.csv"), "--max_length", "24"]
    assert evaluate([*line, "--json", "--model", str(tmp_path / "file")]) == 0
    assert json.loads(capsys.readouterr().out)["score"] == pytest.approx(found["best"]["value"])


def test_evaluations_change_no_step(run: Any, tmp_path: Path, data: Path) -> None:
    """Dropout and order are those of a run that is not evaluated."""
    file = ("--validation_data", str(data / "chooses.csv"))
    assert run("with", *EVALUATED, *file, "--save_strategy", "no") == 0
    assert run("without", "--save_strategy", "no") == 0
    assert same(tmp_path / "with", tmp_path / "without")
    assert "best" not in metrics(tmp_path / "with")


def test_early_stopping_goes_on_counting_where_a_run_was_cut(run: Any, tmp_path: Path) -> None:
    options = (*BEST, "--early_stopping_patience", "3", "--max_steps", "60")
    options += ("--learning_rate", "1e-6")  # nothing is gained, on any machine
    assert run("whole", *options) == 0
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = metrics(whole)
    assert expected["best"]["stopped_early"] and expected["steps"] < 60
    last = expected["steps"] - 2
    cut.mkdir()
    shutil.copy(whole / "run.json", cut)
    for step in {last, expected["best"]["step"]}:
        shutil.copytree(whole / f"checkpoint-{step}", cut / f"checkpoint-{step}")
    shutil.move(whole, tmp_path / "elsewhere")  # the paths in its checkpoints lead nowhere
    assert run("cut", *options) == 0
    found = metrics(cut)
    assert (found["steps"], found["best"]) == (expected["steps"], expected["best"])
    assert same(cut, tmp_path / "elsewhere")


def test_best_step_whose_checkpoint_is_gone_is_one_line(
    run: Any, tmp_path: Path, capsys: Capture
) -> None:
    options = (*BEST, "--early_stopping_patience", "2", "--learning_rate", "1e-6")
    assert run("run", *options) == 0
    out = tmp_path / "run"
    best = metrics(out)["best"]["step"]
    assert best < metrics(out)["steps"]
    (out / "metrics.json").unlink()
    (out / f"checkpoint-{best}" / "model.safetensors").unlink()
    capsys.readouterr()
    assert run("run", *options) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "the best step cannot be loaded, model.safetensors is missing" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--load_best_model_at_end", "True"), "needs --eval_strategy steps or epoch"),
        (("--validation_share", "0.5"), "need --eval_strategy steps"),
        ((*EVALUATED, "--validation_share", "1"), "--validation_share must be between 0 and 1"),
        ((*EVALUATED, "--validation_share", "1e-6"), "too few to keep 1e-06 of them"),
        (
            (*BEST, "--validation_data", "x.csv"),
            "--validation_share or --validation_data, not both",
        ),
        ((*EVALUATED, "--validation_data", "x.csv"), "x.csv: no such file"),
        ((*BEST, "--metric_for_best_model", "loss"), "loss is not a metric of classify (expected"),
        (("--early_stopping_patience", "-1"), "must be at least 0, not -1"),
    ],
)
def test_options_of_the_best_step_that_cannot_be_are_one_line(
    options: tuple[str, ...], message: str, run: Any, capsys: Capture
) -> None:
    assert run("run", *options) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("task", ["squad2", "tokens"])
def test_every_task_holds_rows_back(
    task: str, small_teacher: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Of SQuAD whole articles, and none of the extra files."""
    articles = []
    for number in range(30):
        answers = [{"text": "blue", "answer_start": 7}] if number % 3 else []
        question = {"id": str(number), "question": "Which colour?", "answers": answers,
                    "is_impossible": not answers}  # fmt: skip
        paragraph = {"context": f"Red or blue, said number {number}.", "qas": [question]}
        articles.append({"title": f"t{number // 2}", "paragraphs": [paragraph]})
    own, extra = tmp_path / "train.json", tmp_path / "extra.json"
    own.write_text(json.dumps({"data": articles[:20]}), encoding="utf-8")
    extra.write_text(json.dumps({"data": articles[20:]}), encoding="utf-8")
    conll = tmp_path / "train.conll"
    conll.write_text("\n".join(f"Anna B-PER\nsaw O\nno{n} O\n" for n in range(40)))
    given = {
        "squad2": ["--train_file", str(own), "--extra_files", str(extra), "--held_out", "0.2"],
        "tokens": ["--data", str(conll), "--eval_share", "0.2"],
    }[task]
    line = ["--task", task, "--model", str(small_teacher), "--max_length", "48", "--use_cpu"]
    line += ["--max_steps", "2", "--report_to", "none", "--disable_tqdm", "true", "--json"]
    assert finetune([*line, *given, "--save_strategy", "no", "--out", str(tmp_path / "plain")]) == 0
    capsys.readouterr()
    assert finetune([*line, *given, *BEST, "--out", str(tmp_path / "run")]) == 0
    found, plain = json.loads(capsys.readouterr().out), metrics(tmp_path / "plain")
    assert (found["best"]["metric"], found["best"]["step"]) == ("f1", 2)
    assert found["inputs"] + found["best"]["rows"] == plain["inputs"]
    if task == "squad2":
        assert found["inputs"] >= 10  # all of the extra file
