"""Fine-tuning on question answering from end to end, v1.1 and v2.0, on own passages."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.students.from_layers import make_student
from distill.tasks.squad import load_examples

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def student(minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of MiniLM's layers, not yet trained."""
    folder = tmp_path_factory.mktemp("student")
    make_student(AutoModel.from_pretrained(minilm_directory), 1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm_directory).save_pretrained(folder)
    return folder


@pytest.fixture
def squad2(qa_examples: list[dict[str, str]], tmp_path: Path) -> Path:
    """The questions of the tests in the format of v2.0; every third has no answer."""
    articles = []
    for number, example in enumerate(qa_examples):
        context, answer = example["passage"], example["answer"]
        impossible = number % 3 == 0
        answers = [{"text": answer, "answer_start": context.index(answer)}]
        question = {
            "id": f"q{number}",
            "question": example["question"],
            "is_impossible": impossible,
            "answers": [] if impossible else answers,
        }
        paragraph = {"context": context, "qas": [question]}
        articles.append({"title": f"t{number}", "paragraphs": [paragraph]})
    path = tmp_path / "train-v2.0.json"
    path.write_text(json.dumps({"version": "v2.0", "data": articles}), encoding="utf-8")
    return path


def run(task: str, file: Path, model: Path, output: Path, *arguments: str) -> int:
    quiet = ["--report_to", "none", "--disable_tqdm", "true", "--save_strategy", "no", "--json"]
    data = ["--train_file", str(file), "--logits_cache", str(output.parent / "logits")]
    options = ["--task", task, "--model", str(model), "--output_dir", str(output)]
    steps = ["--max_steps", "2", "--per_device_train_batch_size", "4", "--max_length", "192"]
    return finetune([*options, *data, *quiet, *steps, *arguments])


def metrics(output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


@pytest.mark.slow
def test_squad2_with_a_teacher_and_its_baseline(
    student: Path, squad2: Path, tmp_path: Path, capsys: Capture
) -> None:
    share = ["--held_out", "0.4"]
    assert run("squad2", squad2, student, tmp_path / "teacher", *share) == 0
    held_out = metrics(tmp_path / "teacher")["held_out"]
    assert 0 < held_out["total"] < len(json.loads(squad2.read_text())["data"])
    options = [*share, "--teacher", str(tmp_path / "teacher"), "--baseline"]
    capsys.readouterr()
    assert run("squad2", squad2, student, tmp_path / "refused", *options) == 2
    assert "a weak teacher, squad2 F1" in capsys.readouterr().err
    assert run("squad2", squad2, student, tmp_path / "run", *options, "--allow_weak_teacher") == 0
    result = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert result["teacher"] == pytest.approx(held_out)
    assert result["median"].keys() == {"labels", "distilled"}
    assert {"exact_match", "f1"} <= result["gain"].keys()


def test_low_threshold_leaves_no_question_an_answer(
    student: Path, squad2: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run("squad2", squad2, student, tmp_path / "model", "--held_out", "0") == 0
    answers = tmp_path / "answers.json"
    options = ["--task", "squad2", "--model", str(tmp_path / "model"), "--data", str(squad2)]
    capsys.readouterr()
    options += ["--null_threshold", "-1000", "--save_predictions", str(answers), "--json"]
    assert evaluate(options) == 0
    report = json.loads(capsys.readouterr().out)
    found = json.loads(answers.read_text())
    assert set(found.values()) == {""}
    unanswerable = len(list(found)[::3])
    assert report["exact_match"] == pytest.approx(100 * unanswerable / len(found))


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(
    student: Path, squad2: Path, tmp_path: Path
) -> None:
    """Stopped within the second epoch and gone on with into the third."""
    options = ["--max_steps", "-1", "--num_train_epochs", "3", "--held_out", "0"]
    options += ["--per_device_train_batch_size", "2", "--save_strategy", "steps"]
    questions = len(load_examples(squad2))
    stop = math.ceil(questions / 2) + 2
    options += ["--save_steps", str(stop), "--learning_rate", "1e-3"]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert run("squad2", squad2, student, whole, *options) == 0
    assert metrics(whole)["inputs"] == questions  # so `stop` is in the second epoch
    resumed.mkdir()
    shutil.copytree(whole / f"checkpoint-{stop}", resumed / f"checkpoint-{stop}")
    shutil.copy(whole / "run.json", resumed)
    assert run("squad2", squad2, student, resumed, *options) == 0
    first, second = (load_file(path / "model.safetensors") for path in (whole, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_extra_files_are_not_held_out(student: Path, squad2: Path, tmp_path: Path) -> None:
    options = ["--held_out", "0.4"]
    assert run("squad2", squad2, student, tmp_path / "plain", *options) == 0
    extra = ["--extra_files", str(squad2), str(squad2)]
    assert run("squad2", squad2, student, tmp_path / "more", *options, *extra) == 0
    plain, more = metrics(tmp_path / "plain"), metrics(tmp_path / "more")
    assert more["held_out"]["total"] == plain["held_out"]["total"]
    assert more["questions"] == plain["questions"] + 2 * len(load_examples(squad2))


def test_a_teacher_needs_something_to_be_scored_on(
    student: Path, squad2: Path, tmp_path: Path, capsys: Capture
) -> None:
    options = ["--held_out", "0", "--teacher", str(student)]
    assert run("squad", squad2, student, tmp_path / "run", *options) == 2
    assert "4 of 12 questions have no answer" in capsys.readouterr().err
    assert run("squad2", squad2, student, tmp_path / "run", *options) == 2
    assert "no held-out passage to score the teacher on" in capsys.readouterr().err


def test_squad2_has_no_default_data(student: Path, tmp_path: Path, capsys: Capture) -> None:
    options = ["--task", "squad2", "--model", str(student), "--output_dir", str(tmp_path / "run")]
    assert finetune(options) == 2
    assert "name the training data of squad2 with --train_file" in capsys.readouterr().err


def test_questions_whose_answer_teaches_nothing_are_counted(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: Capture
) -> None:
    """Of what no token holds, of what is longer than a window, and not at its place."""
    far = " ".join(["far"] * 60)
    context = f"It\u00ad stands \u200b\ufeff here. It is {far} away."
    texts = ["stands ", "here.", "\u00ad", "\u200b\ufeff", " ", far, "away.", "It is"]
    starts = [context.index(text) for text in texts]
    starts[texts.index("away.")] += 1
    answers = [[{"text": t, "answer_start": at}] for t, at in zip(texts, starts, strict=True)]
    answers.append([answers[2][0], answers[0][0]])  # of two, one is held
    questions = [{"id": f"{i}", "question": "Where?", "answers": a} for i, a in enumerate(answers)]
    file = tmp_path / "squad.json"
    article = {"title": "t", "paragraphs": [{"context": context, "qas": questions}]}
    file.write_text(json.dumps({"data": [article]}))
    options = ["--held_out", "0", "--doc_stride", "16", "--max_length", "48"]
    assert run("squad", file, checkpoints["squad"], tmp_path / "run", *options) == 0
    said = capsys.readouterr().err
    assert "1 questions have an answer that is not at its answer_start" in said
    assert "4 questions left out: no window holds their answer" in said
    found = metrics(tmp_path / "run")
    assert (found["questions"], found["mismatches"]) == (len(answers) - 1, 1)
