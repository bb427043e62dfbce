"""Own labelled data: columns, labels by name, several a row, scores, and the command end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from distill.console.errors import UserError
from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.tasks.classify import SINGLE
from distill.tasks.options import TaskOptions
from distill.tasks.sentences import MULTI_LABEL, REGRESSION, TextFeature
from distill.tasks.table import TASKS
from distill.tasks.task import Data, Labels

CLASSIFY = TASKS["classify"]
NAMES = ("ham", "other", "spam")


def table(path: Path, rows: int = 60) -> Path:
    lines = [f'"number {n}, ""quoted""\nover two lines",{NAMES[n % 3]}' for n in range(rows)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


def test_labels_and_columns_are_found_and_no_text_is_on_both_sides(tmp_path: Path) -> None:
    data = CLASSIFY.read(TaskOptions(data=str(table(tmp_path / "train.csv")), eval_share=0.3))
    assert data.labels == Labels(NAMES)
    texts = {example.sentence1 for example in data.train}
    assert not texts & {example.sentence1 for example in data.scored["dev"]}
    assert len(texts) + len(data.scored["dev"]) == 60
    assert "text from text, label from label" in data.notes[0]


@pytest.mark.parametrize(
    ("labels", "problem", "names"),
    [
        ([["a"], ["b", "c"]], MULTI_LABEL, ("a", "b", "c")),
        (["a|b", "c"], MULTI_LABEL, ("a", "b", "c")),
        ([0.5, 3], REGRESSION, ()),
        ([10, 2], SINGLE, ("2", "10")),
    ],
)
def test_the_problem_follows_from_the_labels(
    labels: list[object], problem: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps({"text": "x", "label": v}) for v in labels))
    data = CLASSIFY.read(TaskOptions(data=str(path), eval_data=str(path)))
    assert data.labels is not None
    assert (data.labels.problem_type, data.labels.names) == (problem, names)


def test_class_weights_are_those_of_scikit_learn(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    stated = ["a"] * 5 + ["b"] * 2 + ["c"]
    path.write_text("text\tlabel\n" + "".join(f"x\t{name}\n" for name in stated))
    options = TaskOptions(data=str(path), eval_data=str(path), class_weights=True)
    labels = CLASSIFY.read(options).labels
    assert labels is not None
    expected = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=stated)
    assert labels.weights == pytest.approx(expected)


def test_metrics_are_those_of_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    truth, logits = chance.integers(0, 3, 50), chance.normal(size=(50, 3))
    features = {"dev": [TextFeature([1], None, int(label)) for label in truth]}
    data = Data([], {"dev": []}, Labels(NAMES))
    found = CLASSIFY.score(data, features, {"dev": list(logits)}, TaskOptions()).metrics
    answers = logits.argmax(1)
    assert found["accuracy"] == pytest.approx(100 * accuracy_score(truth, answers))
    assert found["macro_f1"] == pytest.approx(100 * f1_score(truth, answers, average="macro"))
    several = chance.integers(0, 2, (50, 3))
    features = {"dev": [TextFeature([1], None, row.tolist()) for row in several]}
    data = Data([], {"dev": []}, Labels(NAMES, MULTI_LABEL))
    found = CLASSIFY.score(data, features, {"dev": list(logits)}, TaskOptions()).metrics
    assert found["f1"] == pytest.approx(100 * f1_score(several, logits > 0, average="micro"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,label\na,b,c\n", "line 2: has 3 columns"),
        ("body,label\na,b\n", "name a column with --text"),
        ("text,label\n", "has no rows"),
        ("text,text,label\na,b,c\n", "two columns called 'text'"),
        ("text,label\n ,a\nb,c\n", "row 1: text is empty"),
    ],
)
def test_broken_data_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        CLASSIFY.read(TaskOptions(data=str(path), eval_data=str(path)))


def test_a_csv_becomes_a_teacher_a_student_and_a_comparison(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(table(tmp_path / "train.csv"))
    common = ["--task", "classify", "--data", data, "--model", str(small_teacher)]
    common += ["--max_steps", "2", "--max_length", "32", "--report_to", "none", "--use_cpu"]
    common += ["--disable_tqdm", "true", "--save_strategy", "no"]
    assert finetune([*common, "--output_dir", str(tmp_path / "teacher")]) == 0
    config = json.loads((tmp_path / "teacher" / "config.json").read_text())
    assert config["id2label"] == {"0": "ham", "1": "other", "2": "spam"}
    assert (config["problem_type"], config["finetuning_metric"]) == (SINGLE, "macro F1")
    assert "Main metric: macro F1." in (tmp_path / "teacher" / "README.md").read_text()
    distil = ["--teacher", str(tmp_path / "teacher"), "--allow_weak_teacher", "--baseline"]
    distil += ["--logits_cache", str(tmp_path / "logits"), "--output_dir", str(tmp_path / "run")]
    assert finetune([*common, *distil]) == 0
    capsys.readouterr()
    seed = json.loads((tmp_path / "run" / "summary.json").read_text())["runs"]["labels"][0]["seed"]
    models = [str(tmp_path / "run" / f"{name}-seed-{seed}") for name in ("labels", "distilled")]
    options = ["--task", "classify", "--data", data, "--max_length", "32", "--json"]
    assert evaluate([*models, *options]) == 0
    report = json.loads(capsys.readouterr().out)
    change = report["difference"]["accuracy"]
    values = [report[name]["accuracy"] for name in ("first", "second")]
    assert change["difference"] == pytest.approx(values[1] - values[0])
    assert change["interval"][0] <= change["difference"] <= change["interval"][1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"text": "x", "label": "a"}', '{"text": "y"}'], "row 2: has no label"),
        (['{"text": "x", "label": "a"}', '{"text": "y", "label": null}'], "row 2: has no label"),
        (['{"text": "x", "label": " "}', '{"text": "y", "label": "b"}'], "row 1: has no label"),
        (['{"text": "x", "label": "a"}', '{"label": "b"}'], "row 2: text is empty"),
        (['{"text": "x", "label": "Spam"}', '{"text": "y", "label": "spam"}'], "in case alone"),
    ],
)
def test_rows_without_a_label_are_not_a_class_of_their_own(
    rows: list[str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join([*rows, '{"text": "z", "label": "c"}']))
    with pytest.raises(UserError, match=message):
        CLASSIFY.read(TaskOptions(data=str(path), eval_data=str(path)))


def test_regression_by_the_command_is_scored_as_by_scipy(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores with fractions are a regression by themselves; transformers gives the outputs."""
    data = tmp_path / "train.csv"
    data.write_text("text,score\n" + "".join(f"number {n},{n % 7 + 0.5}\n" for n in range(40)))
    line = ["--task", "classify", "--data", str(data), "--eval_data", str(data)]
    line += ["--model", str(small_teacher), "--max_steps", "3", "--learning_rate", "1e-2"]
    line += ["--max_length", "32", "--report_to", "none", "--disable_tqdm", "true"]
    line += ["--save_strategy", "no", "--out", str(tmp_path / "run")]
    assert finetune(line) == 0
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run").eval()
    assert (model.config.num_labels, model.config.problem_type) == (1, REGRESSION)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run")
    answers, truth = [], [n % 7 + 0.5 for n in range(40)]
    for number in range(40):
        with torch.no_grad():
            answers.append(
                float(model(**tokenizer(f"number {number}", return_tensors="pt")).logits)
            )
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())["dev"]
    assert found["pearson"] == pytest.approx(100 * pearsonr(truth, answers).statistic, abs=0.1)
    assert found["spearman"] == pytest.approx(100 * spearmanr(truth, answers).statistic, abs=1.5)
    assert found["score"] == found["spearman"]
