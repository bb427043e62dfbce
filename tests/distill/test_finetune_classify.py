"""Fine-tuning on GLUE and IMDb: losses, teachers, seeds; real MiniLM on slices of real data."""

from __future__ import annotations

import gzip
import json
import math
import shutil
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.students.from_layers import make_student
from distill.tasks.batches import predict
from distill.tasks.glue import load_examples
from distill.tasks.options import TaskOptions
from distill.tasks.sentences import REGRESSION, class_distance, class_loss
from distill.tasks.table import TASKS
from distill.tasks.task import Labels

CLASSES, SCORE = Labels(("a", "b", "c")), Labels((), REGRESSION)

ROWS = 192
QUIET = ["--report_to", "none", "--disable_tqdm", "true", "--json", "--learning_rate", "3e-4"]


def sliced(source: Path, target: Path, rows: int) -> None:
    """The header and ``rows`` evenly spaced rows of a file."""
    opener = gzip.open if source.suffix == ".gz" else open
    with opener(source, "rt", encoding="utf-8") as file:
        header, *lines = file.read().splitlines()
    target.parent.mkdir(parents=True, exist_ok=True)
    kept = lines[:: len(lines) // rows][:rows]
    target.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def data(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slices of SST-2 and STS-B in the official layout."""
    folder, official = tmp_path_factory.mktemp("glue"), shared_data / "glue"
    for task in ("SST-2", "STS-B"):
        sliced(official / task / "train.tsv.gz", folder / task / "train.tsv", ROWS)
        sliced(official / task / "dev.tsv", folder / task / "dev.tsv", 80)
    return folder


@pytest.fixture(scope="module")
def student(minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of MiniLM's layers, not yet trained."""
    folder = tmp_path_factory.mktemp("student")
    make_student(AutoModel.from_pretrained(minilm_directory), 2).save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm_directory).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def teacher(data: Path, minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM after two short epochs of SST-2."""
    output = tmp_path_factory.mktemp("teacher")
    options = ["--max_steps", "24", "--per_device_train_batch_size", "16", "--save_strategy", "no"]
    assert run("sst2", data, minilm_directory, output, *options) == 0
    return output


def run(task: str, data: Path, model: Path, output: Path, *arguments: str) -> int:
    options = ["--task", task, "--data", str(data), "--model", str(model), *QUIET]
    cache = ["--logits_cache", str(output.parent / "logits")]
    return finetune([*options, *cache, "--output_dir", str(output), *arguments])


def metrics(output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


def summary(output: Path) -> dict[str, Any]:
    return json.loads((output / "summary.json").read_text())


def test_hard_and_soft_losses_equal_their_formulas() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, 6, 3, generator=generator).double().unbind()
    classes = torch.tensor([0.0, 1, 2, 0, 1, 2]).double()
    temperature = 2.0
    expected = 0.0
    for mine, target in zip(ours.tolist(), theirs.tolist(), strict=True):
        p = [math.exp(x / temperature) for x in target]
        q = [math.exp(x / temperature) for x in mine]
        p, q = [x / sum(p) for x in p], [x / sum(q) for x in q]
        expected += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) * temperature**2
    assert class_distance(ours, theirs, temperature, CLASSES).mean().item() == pytest.approx(
        expected / 6, abs=1e-12
    )
    rows = zip(ours.tolist(), classes.int().tolist(), strict=True)
    entropy = [math.log(sum(map(math.exp, row))) - row[label] for row, label in rows]
    assert class_loss(ours, classes, CLASSES).mean().item() == pytest.approx(
        sum(entropy) / 6, abs=1e-12
    )


def test_a_regression_has_squared_errors() -> None:
    ours, theirs = torch.tensor([[1.0], [4.0]]), torch.tensor([[2.0], [2.0]])
    assert class_loss(ours, torch.tensor([1.0, 1.0]), SCORE).mean().item() == 4.5
    assert class_distance(ours, theirs, 2.0, SCORE).mean().item() == 2.5  # no temperature


def test_an_equal_teacher_gives_no_loss_and_no_gradient() -> None:
    for labels in (SCORE, CLASSES, Labels(("a", "b"), "multi_label_classification")):
        logits = torch.randn(4, labels.outputs, requires_grad=True)
        loss = class_distance(logits, logits, 2.0, labels).mean()
        loss.backward()
        assert loss.item() == pytest.approx(0, abs=1e-6)
        assert logits.grad is not None and logits.grad.abs().max() < 1e-6


def test_fine_tuning_learns_and_the_result_is_a_plain_checkpoint(
    teacher: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = metrics(teacher)["dev"]
    assert measured["accuracy"] > 65  # the commoner class alone has about half
    assert (measured["total"], metrics(teacher)["examples"]) == (80, ROWS)
    low, high = metrics(teacher)["intervals"]["accuracy"]
    assert low < measured["accuracy"] < high
    model = AutoModelForSequenceClassification.from_pretrained(teacher)
    assert model.config.id2label == {0: "0", 1: "1"}
    capsys.readouterr()
    options = ["--task", "sst2", "--model", str(teacher), "--data", str(data), "--json"]
    assert evaluate(options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("intervals") == metrics(teacher)["intervals"]
    assert found == pytest.approx(measured)
    card = (teacher / "README.md").read_text()
    assert f"| accuracy | {measured['accuracy']:.2f}% |" in card and "0. 0\n1. 1" in card


def test_batches_do_not_change_the_logits(teacher: Path, data: Path) -> None:
    task, tokenizer = TASKS["sst2"], AutoTokenizer.from_pretrained(teacher)
    examples = load_examples("sst2", "dev", data)[:20]
    model = AutoModelForSequenceClassification.from_pretrained(teacher).eval()
    found = predict(
        task, model, task.features(examples, teacher, TaskOptions(max_length=128)), None
    )
    for example, logits in zip(examples, map(torch.from_numpy, found), strict=True):
        with torch.no_grad():
            alone = model(**tokenizer(example.sentence1, return_tensors="pt")).logits[0]
        torch.testing.assert_close(logits, alone, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_seeds_and_baseline_stand_side_by_side(
    teacher: Path, student: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--teacher", str(teacher), "--baseline", "--seeds", "3", "--seed", "5"]
    options += ["--max_steps", "2", "--per_device_train_batch_size", "8", "--save_strategy", "no"]
    output = tmp_path / "run"
    assert run("sst2", data, student, output, *options) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == summary(output)
    folders = {f"{name}-seed-{seed}" for name in ("labels", "distilled") for seed in (5, 6, 7)}
    assert {path.name for path in output.iterdir()} == folders | {"summary.json"}
    for name in ("labels", "distilled"):
        single = [metrics(output / f"{name}-seed-{seed}")["dev"]["score"] for seed in (5, 6, 7)]
        assert result["median"][name]["score"] == median(single)
        assert result["spread"][name]["score"] == max(single) - min(single)
    gain = result["median"]["distilled"]["score"] - result["median"]["labels"]["score"]
    assert result["gain"]["score"] == pytest.approx(gain)
    assert result["teacher"] == pytest.approx(metrics(teacher)["dev"])
    assert len(list((tmp_path / "logits").iterdir())) == 1  # computed once, for every seed
    losses = [metrics(output / f"{n}-seed-5")["train_loss"] for n in ("labels", "distilled")]
    assert losses[0] != losses[1]
    _interrupted_series_goes_on(output, (data, student, options))


def _interrupted_series_goes_on(output: Path, again: tuple[Path, Path, list[str]]) -> None:
    """What was finished stays, what is missing is run, and the numbers are the same."""
    data, student, options = again
    before = summary(output)
    kept = (output / "labels-seed-5" / "model.safetensors").stat().st_mtime_ns
    shutil.rmtree(output / "distilled-seed-7")
    assert run("sst2", data, student, output, *options) == 0
    assert (output / "labels-seed-5" / "model.safetensors").stat().st_mtime_ns == kept
    assert summary(output)["median"] == before["median"]


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(
    teacher: Path, student: Path, data: Path, tmp_path: Path
) -> None:
    """Stopped within the second epoch and gone on with into the third; the last batch and the last
    step of an epoch are not full."""
    few = tmp_path / "few" / "SST-2"
    sliced(data / "SST-2" / "train.tsv", few / "train.tsv", 18)
    shutil.copy(data / "SST-2" / "dev.tsv", few)
    options = ["--teacher", str(teacher), "--num_train_epochs", "3", "--save_steps", "4"]
    options += ["--hidden_weight", "1", "--gradient_accumulation_steps", "2"]
    options += ["--per_device_train_batch_size", "4"]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert run("sst2", few.parent, student, whole, *options) == 0
    assert metrics(whole)["steps"] == 9
    resumed.mkdir()
    shutil.copytree(whole / "checkpoint-4", resumed / "checkpoint-4")
    shutil.copy(whole / "run.json", resumed)
    assert run("sst2", few.parent, student, resumed, *options) == 0
    first, second = (
        AutoModelForSequenceClassification.from_pretrained(path).state_dict()
        for path in (whole, resumed)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert metrics(whole)["dev"] == metrics(resumed)["dev"]


def test_a_regression_distils_scores(student: Path, data: Path, tmp_path: Path) -> None:
    options = ["--max_steps", "2", "--save_strategy", "no", "--per_device_train_batch_size", "16"]
    assert run("STS-B", data, student, tmp_path / "teacher", *options) == 0
    options += ["--teacher", str(tmp_path / "teacher"), "--allow_weak_teacher"]
    assert run("STS-B", data, student, tmp_path / "student", *options) == 0
    result = metrics(tmp_path / "student")
    assert {"pearson", "spearman", "score", "total"} == result["dev"].keys()
    assert result["teacher"] == pytest.approx(metrics(tmp_path / "teacher")["dev"])
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "student")
    assert model.config.num_labels == 1


def test_teachers_that_teach_nothing_are_refused(
    student: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(student)
    torch.manual_seed(0)
    untrained, three = tmp_path / "untrained", tmp_path / "three"
    for folder, labels in ((untrained, 2), (three, 3)):
        model = AutoModelForSequenceClassification.from_pretrained(student, num_labels=labels)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    for folder, message in (
        (untrained, "a weak teacher, sst2 score"),
        (student, "has no trained classifier"),
        (three, "its head has 3 outputs, sst2 has 2"),
        (tmp_path / "none", "no checkpoint there"),
    ):
        status = run(
            "sst2", data, student, tmp_path / folder.name / "run", "--teacher", str(folder)
        )
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert (status, error.startswith("error: "), message in error) == (2, True, True), error


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        ("sst3", [], "unknown task 'sst3'; choose from squad, squad2"),
        ("sst2", ["--data", "nowhere"], "nowhere/SST-2/train.tsv: no such file"),
        (
            "sst2",
            ["--train_file", "train.json"],
            "--train_file is not an option of sst2: it takes --data",
        ),
        ("squad", [], "squad is trained on --train_file"),
        ("sst2", ["--alpha", "0.3"], "--alpha needs a --teacher"),
        ("sst2", ["--baseline"], "--baseline compares with a run without a teacher"),
        ("sst2", ["--seeds", "0"], "--seeds must be at least 1"),
        ("sst2", ["--temperature", "0"], "--temperature must be above 0"),
    ],
)
def test_wrong_settings_are_one_line(
    task: str,
    arguments: list[str],
    message: str,
    student: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(task, tmp_path, student, tmp_path / "run", *arguments) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert error.startswith("error: ") and message in error
