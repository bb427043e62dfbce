"""Labels in another order, by the documented commands: names decide, whatever else config.json says
or leaves out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune

NAMES = ("contradiction", "entailment", "neutral")  # the order of MNLI's table
ORDER = [1, 2, 0]
NAMELESS = ({}, {"architectures": None}, {"architectures": ["BertModel"]})


@pytest.fixture
def mnli(tmp_path: Path, sentences: list[str]) -> Path:
    """The official columns, 24 pairs a split."""
    rows = [
        f"{i}\t{sentences[i]}\t{sentences[i + 1]}\t{NAMES[i % 3]}".replace("\n", " ")
        for i in range(24)
    ]
    (tmp_path / "MNLI").mkdir()
    for split in ("train", "dev_matched", "dev_mismatched"):
        text = "\n".join(["index\tsentence1\tsentence2\tgold_label", *rows])
        (tmp_path / "MNLI" / f"{split}.tsv").write_text(text + "\n", encoding="utf-8")
    return tmp_path


def classifier(
    folder: Path, tokenizer: Path, names: tuple[str, ...], order: list[int], **says: Any
) -> Path:
    """One head of three outputs, in an ``order``; its config.json ``says`` something else."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PreTrainedTokenizerFast.from_pretrained(tokenizer)),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.5,
        id2label={place: names[number] for place, number in enumerate(order)},
    )
    model = BertForSequenceClassification(config)
    for weight in model.classifier.parameters():
        weight.data = weight.data[order].clone()
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder)
    stored = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**stored, **says}))
    return folder


@pytest.mark.parametrize("says", NAMELESS)
def test_order_of_the_labels_changes_no_answer(
    says: dict[str, Any], small_teacher: Path, mnli: Path, tmp_path: Path
) -> None:
    """Without an architecture in config.json the outputs were taken as they stood."""
    answers = []
    for name, order in (("own", [0, 1, 2]), ("other", ORDER)):
        model = classifier(tmp_path / name, small_teacher, NAMES, order, **says)
        kept = tmp_path / f"{name}.json"
        line = ["--task", "mnli", "--model", str(model), "--data", str(mnli)]
        assert evaluate([*line, "--save_predictions", str(kept)]) == 0
        answers.append(json.loads(kept.read_text()))
    assert answers[0] == answers[1]
    assert len(set(answers[0]["dev_matched"])) > 1


@pytest.mark.parametrize("says", NAMELESS)
def test_head_of_other_labels_has_no_score_and_is_not_kept(
    says: dict[str, Any],
    small_teacher: Path,
    mnli: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    others = ("bad", "good", "mixed")
    model = classifier(tmp_path / "model", small_teacher, others, [0, 1, 2], **says)
    line = ["--task", "mnli", "--model", str(model), "--data", str(mnli)]
    assert evaluate(line) == 2
    assert "its labels are bad, good, mixed" in capsys.readouterr().err
    line += ["--max_steps", "1", "--learning_rate", "1e-9", "--report_to", "none"]
    assert finetune([*line, "--save_strategy", "no", "--out", str(tmp_path / "run")]) == 0
    assert "its head is for bad, good, mixed; a new one is drawn" in capsys.readouterr().err
    before, after = (
        load_file(folder / "model.safetensors") for folder in (model, tmp_path / "run")
    )
    name = "classifier.weight"
    assert float((after[name] - before[name]).abs().max()) > 1e-3
