"""`trained_for`: the task of a checkpoint is read from its own files, and another one is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import DistilBertConfig

from distill.console.errors import UserError
from distill.evaluate import main
from distill.tasks.trained_for import recorded_task, task_of


def checkpoint(folder: Path, head: str, **others: str) -> Path:
    config = {"model_type": "distilbert", "architectures": [f"DistilBertFor{head}"], **others}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("head", "task"), [("QuestionAnswering", "squad"), ("TokenClassification", "tokens")]
)
def test_task_follows_from_a_head_of_one_task(head: str, task: str, tmp_path: Path) -> None:
    assert task_of(checkpoint(tmp_path, head)) == task


def test_task_of_a_folder_of_sentence_transformers_is_to_embed(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    assert task_of(checkpoint(tmp_path, "Nothing")) == "embed"


@pytest.mark.parametrize("head", ["SequenceClassification", "MaskedLM"])
def test_task_that_cannot_be_known_is_asked_for(head: str, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"does not say which task .* --task \(.*classify, .*rank\)"
    ):
        task_of(checkpoint(tmp_path, head))


def test_task_that_a_training_recorded_is_kept_by_transformers(tmp_path: Path) -> None:
    config = DistilBertConfig(architectures=["DistilBertForSequenceClassification"])
    config.finetuning_task = "sst2"
    config.save_pretrained(tmp_path)
    assert recorded_task(tmp_path) == task_of(tmp_path) == "sst2"


def test_another_task_than_the_recorded_one_is_said(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of the page: with --task it scores another task, and says so in one line."""
    place = checkpoints["sst2"]
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "finetuning_task": "cola"}))
    data = tmp_path / "data" / "SST-2"
    data.mkdir(parents=True)
    (data / "dev.tsv").write_text("sentence\tlabel\nA dull film.\t0\nA fine film.\t1\n")
    options = ["--model", str(place), "--data", str(data.parent), "--max_length", "64"]
    status, error = main([*options, "--task", "sst2"]), capsys.readouterr().err
    assert (status, "was fine-tuned on cola; it is scored on sst2" in error) == (0, True), error
    assert main(options) == 2  # the data of CoLA is not there
    assert "CoLA/dev.tsv: no such file" in capsys.readouterr().err
