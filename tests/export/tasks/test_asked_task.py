"""The task of an export is read from the checkpoint, and a contradiction is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.console.errors import UserError
from export.tasks.asked_task import asked_task


def folder(tmp_path: Path, architecture: str | None) -> str:
    config = {"architectures": [architecture]} if architecture else {}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("BertForQuestionAnswering", "qa"),
        ("RobertaForSequenceClassification", "classify"),
        ("ElectraForTokenClassification", "tokens"),
        ("DistilBertForMaskedLM", "mlm"),
        ("MPNetModel", "embed"),
    ],
)
def test_architecture_names_the_task(tmp_path: Path, architecture: str, task: str) -> None:
    assert asked_task(folder(tmp_path, architecture), None) == task


def test_named_task_may_use_less_than_the_head(tmp_path: Path) -> None:
    model = folder(tmp_path, "BertForSequenceClassification")
    assert asked_task(model, "rank") == "rank"
    assert asked_task(model, "features") == "features"


def test_contradiction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"made for tokens .*not for --task classify"):
        asked_task(folder(tmp_path, "BertForTokenClassification"), "classify")


def test_silent_configuration_asks_for_a_task(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name one with --task"):
        asked_task(folder(tmp_path, None), None)


def test_folder_of_sentence_transformers_embeds(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    assert asked_task(str(tmp_path), None) == "embed"


def test_preset_has_its_own() -> None:
    assert asked_task("qa-mini", None) == "qa"
    assert asked_task("minilm", "qa") == "qa"
