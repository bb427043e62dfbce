"""`distill.finetune --quantization-aware` by the documented command, for every task."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from tests.distill.one_step import classifier

pytest.importorskip("torchao", reason="needs the extra `quantization`")

Capture = pytest.CaptureFixture[str]
NAMES = ("Anna", "Boris", "Clara", "David")


@pytest.fixture(scope="module")
def start(small_teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT 64 wide, whose matrices are large enough to be stored in fewer bits."""
    return classifier(tmp_path_factory.mktemp("start") / "model", small_teacher, 64, 1)


@pytest.fixture
def data(squad_file: Path, tmp_path: Path) -> dict[str, list[str]]:
    """Task -> its options, with data."""
    texts = [f"{name} saw {n} mills in Rome" for n, name in enumerate(NAMES * 4)]
    label = {"classify": lambda n: ("no", "yes")[n % 2], "embed": lambda n: n % 6 / 5}
    label["rank"] = lambda n: n % 2
    heads = {"classify": "text", "embed": "sentence1,sentence2", "rank": "query,passage"}
    given = {}
    for task, columns in heads.items():
        rows = [f"{columns},{'score' if task == 'embed' else 'label'}"]
        for number, text in enumerate(texts):
            pair = f"{text},the mill of {number % 4}" if "," in columns else text
            rows.append(f"{pair},{label[task](number)}")
        path = tmp_path / f"{task}.csv"
        path.write_text("\n".join(rows) + "\n")
        given[task] = ["--data", str(path), "--eval_data", str(path)]
    path = tmp_path / "tags.conll"
    path.write_text("\n".join(f"{name} B-PER\nsaw O\nRome B-LOC\n" for name in NAMES * 4))
    given["tokens"] = ["--data", str(path), "--eval_data", str(path)]
    given["squad"] = ["--train_file", str(squad_file), "--held_out", "0.4"]
    given["squad"] += ["--max_length", "128", "--doc_stride", "32"]
    return given


def run(task: str, data: dict[str, list[str]], start: Path, output: Path, *options: str) -> int:
    line = ["--task", task, *data[task], "--model", str(start), "--out", str(output)]
    line += ["--max_steps", "4", "--learning_rate", "1e-3", "--per_device_train_batch_size", "8"]
    line += ["--report_to", "none", "--use_cpu", "--disable_tqdm", "true", "--save_strategy", "no"]
    return finetune([*line, "--logits_cache", str(output.parent / "logits"), *options])


def metrics(output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classify", "embed", "rank", "tokens", "squad"])
def test_every_task_learns_with_rounded_weights_and_leaves_a_plain_checkpoint(
    task: str, data: dict[str, list[str]], start: Path, tmp_path: Path
) -> None:
    """From labels; and from a teacher, the model from labels, of which every weight is read."""
    aware, taught = tmp_path / "aware", tmp_path / "taught"
    rounded = ("--quantization-aware", "int4", "--max_steps", "2")
    assert run(task, data, start, aware, *rounded) == 0
    teacher = ("--teacher", str(aware), "--allow_weak_teacher")
    assert run(task, data, start, taught, *rounded, *teacher) == 0
    before = weights(start)
    for output in (aware, taught):
        found = weights(output)
        assert not any("quant" in name for name in found)
        moved = [name for name in found.keys() & before.keys() if "query.weight" in name]
        assert all(not torch.equal(found[name], before[name]) for name in moved)
        result = metrics(output)
        scores = result.get("dev") or result["held_out"]
        assert result["quantized"]["weights"] == "int4"
        assert scores.keys() <= result["quantized"].keys()
        assert "as int4 packages store them" in (output / "README.md").read_text()


@pytest.mark.parametrize("quantize", ["int8", "w8a8"])
def test_the_score_is_of_the_folder_and_the_rounded_one_stands_beside_it(
    quantize: str, data: dict[str, list[str]], start: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "run"
    assert run("classify", data, start, output, "--quantization-aware", quantize) == 0
    printed = capsys.readouterr().out
    assert f"model, {quantize}" in printed
    assert f" --quantize {quantize} --out BUNDLE" in printed
    line = ["--task", "classify", "--data", data["classify"][1], "--model", str(output)]
    assert evaluate([*line, "--json"]) == 0
    score = json.loads(capsys.readouterr().out)["score"]
    assert score == pytest.approx(metrics(output)["dev"]["score"])
    loaded = AutoModelForSequenceClassification.from_pretrained(output)
    assert not any("quant" in name for name in loaded.state_dict())


def test_run_that_was_cut_ends_with_the_same_weights(
    data: dict[str, list[str]], start: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = ("--quantization-aware", "int4", "--save_strategy", "steps", "--save_steps", "2")
    assert run("classify", data, start, whole, *options) == 0
    cut.mkdir()
    shutil.copy(whole / "run.json", cut)
    shutil.copytree(whole / "checkpoint-2", cut / "checkpoint-2")
    assert run("classify", data, start, cut, *options) == 0
    first, second = weights(whole), weights(cut)
    assert all(torch.equal(first[name], second[name]) for name in first)
    # And a run without it is another run.
    assert run("classify", data, start, cut, *options[2:]) == 2


def test_weights_that_cannot_be_rounded_are_one_line(
    data: dict[str, list[str]],
    start: Path,
    small_teacher: Path,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = tmp_path / "refused"
    assert run("classify", data, start, refused, "--quantization-aware", "lut4") == 2
    error = capsys.readouterr().err
    assert "--quantization_aware lut4 is not supported (expected int8, int4, w8a8)" in error
    monkeypatch.setattr("distill.training.finetuning.find_spec", lambda name: None)
    assert run("classify", data, start, refused, "--quantization-aware", "int4") == 2
    error = capsys.readouterr().err
    assert "install the extra `quantization`" in error.splitlines()[-1]
