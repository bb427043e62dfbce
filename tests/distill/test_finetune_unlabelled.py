"""`--unlabelled FILE` by the documented command: the teacher alone teaches its rows."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from distill.finetune import main as finetune
from distill.tasks.tagged_texts import read_untagged
from tests.distill import one_step

ALPHA, TEMPERATURE = 0.3, 2.0
TEXTS = ["the wheel is old", "water comes to the mill", "flour", "a river and a house", "a stone"]
WORDS = ("bread", "mill", "stone", "water", "wheel", "flour", "house", "river")


def metrics(output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n\n")
    return path


def test_loss_is_that_of_labels_and_teacher_and_of_the_teacher_alone(
    pair: dict[str, Path], table: Path, texts: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Against the formula on the logits of `transformers`; a step of one batch and one of four."""
    options = ["--unlabelled", str(texts), "--alpha", str(ALPHA)]
    sizes = ["--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "4"]
    assert one_step.run(pair, table, tmp_path / "parts", *options, *sizes) == 0
    sizes = ["--per_device_train_batch_size", "16"]
    assert one_step.run(pair, table, tmp_path / "whole", *options, *sizes) == 0
    rows = [*one_step.ROWS, *((text, None) for text in TEXTS)]
    expected = np.mean([_loss(pair, text, label) for text, label in rows])
    for name in ("whole", "parts"):
        assert one_step.loss(tmp_path / name) == pytest.approx(expected, rel=1e-5)
        assert metrics(tmp_path / name)["unlabelled"] == len(TEXTS)
    assert f"5 rows of {texts} without labels" in capsys.readouterr().err
    assert "unlabelled 5" in (tmp_path / "whole" / "README.md").read_text()
    (cached,) = (tmp_path / "logits").iterdir()
    assert np.isfinite(np.load(cached)).all() and len(np.load(cached)) == len(rows)


def _loss(pair: dict[str, Path], text: str, label: str | None) -> float:
    tokens = AutoTokenizer.from_pretrained(pair["student"])(text, return_tensors="pt")
    with torch.no_grad():
        student, teacher = (
            AutoModelForSequenceClassification.from_pretrained(pair[name]).eval()(**tokens).logits
            for name in ("student", "teacher")
        )
    p, q = ((logits / TEMPERATURE).softmax(-1) for logits in (teacher, student))
    soft = float((p * (p / q).log()).sum()) * TEMPERATURE**2
    if label is None:
        return soft
    hard = float(F.cross_entropy(student, torch.tensor([("no", "yes").index(label)])))
    return ALPHA * soft + (1 - ALPHA) * hard


def _classify(folder: Path) -> Path:
    rows = [f"the {word} is here,{'yes' if word[0] < 'n' else 'no'}" for word in WORDS]
    return _written(folder / "data.csv", "text,label", *rows)


def _several(folder: Path) -> Path:
    rows = [f"the {a} and the {b},{'|'.join({a[0], b[0]})}" for a, b in pairwise(WORDS)]
    return _written(folder / "data.csv", "text,label", *rows)


def _pairs(folder: Path) -> Path:
    rows = [f"the {a} is old,a {b} stands,{n % 3}" for n, (a, b) in enumerate(pairwise(WORDS))]
    return _written(folder / "data.csv", "sentence1,sentence2,score", *rows[:6])


def _tokens(folder: Path) -> Path:
    rows = [f"the O\n{word} {'B-THING' if n % 2 else 'O'}\n" for n, word in enumerate(WORDS)]
    return _written(folder / "data.conll", *rows)


def _squad(folder: Path) -> Path:
    paragraphs = [
        {
            "context": f"The {a} is beside the {b}.",
            "qas": [{"id": a, "question": f"Where is the {a}?",
                     "answers": [{"text": b, "answer_start": 19 + len(a)}]}],
        }
        for a, b in pairwise(WORDS)
    ]  # fmt: skip
    data = [{"title": p["qas"][0]["id"], "paragraphs": [p]} for p in paragraphs]  # type: ignore[index]
    return _written(folder / "data.json", json.dumps({"data": data}))


def _sst2(folder: Path) -> Path:
    rows = [f"the {word} is here\t{n % 2}" for n, word in enumerate(WORDS)]
    (folder / "SST-2").mkdir()
    _written(folder / "SST-2" / "dev.tsv", "sentence\tlabel", "a whole other text\t1", "no\t0")
    return _written(folder / "SST-2" / "train.tsv", "sentence\tlabel", *rows)


def _written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def _scored(task: str, data: Path) -> list[str]:
    """The options that name the data, and other rows to score on."""
    if task == "squad":
        return ["--train_file", str(data), "--held_out", "0.2"]
    if task == "sst2":
        return ["--data", str(data.parent.parent)]
    text = data.read_text().replace("is", "was").replace("the", "that")
    return ["--data", str(data), "--eval_data", str(_written(data.with_stem("scored"), text))]


@pytest.mark.parametrize(
    ("task", "made"),
    [
        ("classify", _classify),
        ("classify", _several),
        ("sst2", _sst2),
        ("rank", _pairs),
        ("embed", _pairs),
        ("tokens", _tokens),
        ("squad", _squad),
    ],
)
def test_rows_of_every_task_are_taught_by_the_teacher_alone(
    task: str, made: Any, small_teacher: Path, tmp_path: Path
) -> None:
    """The training data itself, given again without its labels: the loss of the step is the mean of
    that from labels alone and that from the teacher alone."""
    data = made(tmp_path)
    base = ["--task", task, *_scored(task, data), "--max_length", "32", "--dropout", "0"]
    base += ["--max_steps", "1", "--per_device_train_batch_size", "64", "--save_strategy", "no"]
    base += ["--report_to", "none", "--disable_tqdm", "true", "--model", str(small_teacher)]
    base += ["--logits_cache", str(tmp_path / "logits")]
    teacher = tmp_path / "teacher"
    assert finetune([*base, "--learning_rate", "0.05", "--out", str(teacher)]) == 0
    base += ["--teacher", str(teacher), "--allow_weak_teacher", "--learning_rate", "1e-9"]
    runs = {
        "labels": ["--alpha", "0"],
        "taught": ["--alpha", "1"],
        "both": ["--alpha", "0", "--unlabelled", str(data)],
    }
    for name, options in runs.items():
        assert finetune([*base, *options, "--out", str(tmp_path / name)]) == 0
    labels, taught, both = (metrics(tmp_path / name)["train_loss"] for name in runs)
    assert taught > 0 and labels != pytest.approx(taught, rel=1e-2)
    assert both == pytest.approx((labels + taught) / 2, rel=1e-4)
    assert metrics(tmp_path / "both")["unlabelled"] == metrics(tmp_path / "both")["inputs"] / 2


def test_texts_beside_pairs_are_embedded_each_by_itself(
    small_teacher: Path, texts: Path, tmp_path: Path
) -> None:
    """Five texts are two pairs and one text twice."""
    data = _pairs(tmp_path)
    line = ["--task", "embed", *_scored("embed", data), "--model", str(small_teacher)]
    line += ["--teacher", str(small_teacher), "--allow_weak_teacher", "--max_length", "32"]
    line += ["--unlabelled", str(texts), "--max_steps", "1", "--report_to", "none"]
    line += ["--logits_cache", str(tmp_path / "logits"), "--disable_tqdm", "true"]
    assert finetune([*line, "--out", str(tmp_path / "run")]) == 0
    assert metrics(tmp_path / "run")["unlabelled"] == 3


def test_baseline_has_no_unlabelled_rows_and_what_is_scored_is_left_out(
    pair: dict[str, Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = [text for text, _ in one_step.ROWS[:2]]
    path = _written(tmp_path / "more.csv", "text", *TEXTS, *scored)
    assert one_step.run(pair, table, tmp_path / "run", "--baseline", "--unlabelled", str(path)) == 0
    log = capsys.readouterr().err
    assert f"{path}: text from text" in log
    assert "5 rows of" in log and "2 left out" in log
    runs = {n: metrics(tmp_path / "run" / f"{n}-seed-42") for n in ("labels", "distilled")}
    assert "unlabelled" not in runs["labels"] and runs["distilled"]["unlabelled"] == 5


def test_resumed_run_with_unlabelled_rows_equals_an_uninterrupted_one(
    pair: dict[str, Path], table: Path, texts: Path, tmp_path: Path
) -> None:
    options = ["--unlabelled", str(texts), "--max_steps", "5", "--learning_rate", "1e-3"]
    options += ["--save_strategy", "steps", "--save_steps", "3"]
    options += ["--per_device_train_batch_size", "4"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert one_step.run(pair, table, whole, *options) == 0
    parts.mkdir()
    shutil.copytree(whole / "checkpoint-3", parts / "checkpoint-3")
    shutil.copy(whole / "run.json", parts)
    assert one_step.run(pair, table, parts, *options) == 0
    name = "model.safetensors"
    assert (parts / name).read_bytes() == (whole / name).read_bytes()
    assert (parts / "checkpoint-3" / name).read_bytes() != (whole / name).read_bytes()


def test_run_with_other_unlabelled_rows_is_another_run(
    pair: dict[str, Path], table: Path, texts: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert one_step.run(pair, table, tmp_path / "run", "--unlabelled", str(texts)) == 0
    texts.write_text("another text\n")
    assert one_step.run(pair, table, tmp_path / "run", "--unlabelled", str(texts)) == 2
    assert "error: " in capsys.readouterr().err


def test_untagged_texts_are_lines_columns_or_rows(tmp_path: Path) -> None:
    lines = _written(tmp_path / "a.txt", "Anna left.", "", "Rome")
    words = _written(tmp_path / "a.conll", "Anna", "left", ".", "", "Rome NNP B-LOC")
    rows = _written(
        tmp_path / "a.jsonl", *(json.dumps({"text": t}) for t in ("Anna left.", "Rome"))
    )
    for path in (lines, words, rows):
        first, second = read_untagged(path)
        assert [first.text[a:b] for a, b in first.words] == ["Anna", "left", "."]
        assert (second.text, second.tags) == ("Rome", ("O",))


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("none.txt", [], "has no text"),
        ("a.csv", ["sentence1,sentence2", "a,b"], "holds pairs of texts, the training data single"),
        ("b.csv", ["body", "x"], "name a column with --text"),
        ("c.txt", [text for text, _ in one_step.ROWS[:2]], "all 2 rows are among those"),
    ],
)
def test_files_that_do_not_fit_are_one_line(
    name: str, lines: list[str], message: str, pair: dict[str, Path], table: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = _written(tmp_path / name, *lines)
    assert one_step.run(pair, table, tmp_path / "run", "--unlabelled", str(path)) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and message in error


def test_columns_called_txt_and_a_missing_teacher_are_refused(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _tokens(tmp_path)
    other = _written(tmp_path / "other.txt", data.read_text())
    line = ["--task", "tokens", *_scored("tokens", data), "--model", str(small_teacher)]
    line += ["--unlabelled", str(other), "--out", str(tmp_path / "run"), "--max_length", "32"]
    assert finetune(line) == 2
    assert "--unlabelled needs a --teacher" in capsys.readouterr().err
    assert finetune([*line, "--teacher", str(small_teacher)]) == 2
    assert "holds columns of words and tags; call it .conll" in capsys.readouterr().err
