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
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

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
    folder: Path,
    tokenizer: Path,
    names: tuple[str, ...],
    order: list[int],
    kind: type[PreTrainedModel] = BertForSequenceClassification,
    **says: Any,
) -> Path:
    """One head, its outputs in an ``order``; its config.json ``says`` something else."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PreTrainedTokenizerFast.from_pretrained(tokenizer)),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.5,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label={place: names[number] for place, number in enumerate(order)},
    )
    model = kind(config)
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


TAGS = ("O", "B-place", "I-place", "B-name", "I-name")
TAG_ORDER = [3, 0, 4, 2, 1]


@pytest.mark.parametrize("says", NAMELESS)
def test_teacher_of_entities_in_another_order_teaches_the_same(
    says: dict[str, Any], small_teacher: Path, sentences: list[str], tmp_path: Path
) -> None:
    table = tmp_path / "entities.conll"
    tagged = [
        "\n".join(
            f"{word} {TAGS[(row + at) % 4 + (row + at) % 2]}" for at, word in enumerate(words)
        )
        for row, words in enumerate(sentence.split()[:12] for sentence in sentences[:20])
    ]
    table.write_text("\n\n".join(tagged) + "\n", encoding="utf-8")
    kind = BertForTokenClassification
    own = classifier(tmp_path / "own", small_teacher, TAGS, [0, 1, 2, 3, 4], kind)
    other = classifier(tmp_path / "other", small_teacher, TAGS, TAG_ORDER, kind, **says)
    line = ["--task", "tokens", "--data", str(table)]
    answers = []
    for model in (own, other):
        kept = tmp_path / f"{model.name}.json"
        saved = ["--model", str(model), "--save_predictions", str(kept)]
        assert evaluate([*line, *saved]) == 0
        answers.append(json.loads(kept.read_text()))
    assert answers[0] == answers[1]
    line += ["--model", str(own), "--teacher", str(other), "--alpha", "1", "--allow_weak_teacher"]
    line += ["--max_steps", "1", "--learning_rate", "1e-9", "--report_to", "none"]
    line += ["--logits_cache", str(tmp_path / "logits"), "--out", str(tmp_path / "run")]
    assert finetune([*line, "--save_strategy", "no"]) == 0
    loss = json.loads((tmp_path / "run" / "metrics.json").read_text())["train_loss"]
    assert loss < 1e-4  # a student that is its teacher; logits are kept in half precision
