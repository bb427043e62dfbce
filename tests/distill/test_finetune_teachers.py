"""The second stage with teachers unlike their student, by the documented command."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig, PreTrainedTokenizerFast

from distill.finetune import main as finetune

SIZES = {"num_attention_heads": 4, "max_position_embeddings": 128, "hidden_dropout_prob": 0.0,
         "attention_probs_dropout_prob": 0.0, "initializer_range": 0.5}  # fmt: skip
ROWS = [("good bread rises slowly", "yes"), ("the mill stands", "no")] * 4


def classifier(folder: Path, tokenizer: Path, width: int, layers: int) -> Path:
    """A BERT with random weights and the vocabulary of ``tokenizer``."""
    torch.manual_seed(width)
    loaded = PreTrainedTokenizerFast.from_pretrained(tokenizer)
    labels = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
    config = BertConfig(vocab_size=len(loaded), hidden_size=width, num_hidden_layers=layers,
                        intermediate_size=32, **SIZES, **labels)  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder)
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    return path


@pytest.fixture
def pair(small_teacher: Path, tmp_path: Path) -> dict[str, Path]:
    """A student 16 wide and a teacher 24 wide."""
    return {
        "student": classifier(tmp_path / "student", small_teacher, 16, 1),
        "teacher": classifier(tmp_path / "teacher", small_teacher, 24, 2),
    }


def run(pair: dict[str, Path], table: Path, output: Path, *options: str) -> int:
    line = ["--task", "classify", "--data", str(table), "--eval_data", str(table)]
    line += ["--model", str(pair["student"]), "--teacher", str(pair["teacher"])]
    line += ["--allow_weak_teacher", "--max_steps", "1", "--learning_rate", "1e-9"]
    line += ["--per_device_train_batch_size", "8", "--save_strategy", "no", "--report_to", "none"]
    line += ["--logits_cache", str(output.parent / "logits"), "--output_dir", str(output)]
    return finetune([*line, "--disable_tqdm", "true", *options])


def loss(output: Path) -> float:
    return float(json.loads((output / "metrics.json").read_text())["train_loss"])


def relation_written_out(pair: dict[str, Path], heads: int) -> float:
    """MiniLMv2's loss (arXiv 2012.15828, equations 5 to 7) of the last layers' projections, by
    `transformers` and numpy, mean over rows of the mean over positions."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(pair["student"])
    models = [AutoModelForSequenceClassification.from_pretrained(pair[name]).double().eval()
              for name in ("student", "teacher")]  # fmt: skip

    def projections(model: Any, text: str) -> list[np.ndarray]:
        with torch.no_grad():
            inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
            hidden = model(**inputs, output_hidden_states=True).hidden_states[-2]
            layer = model.bert.encoder.layer[-1].attention.self
            return [getattr(layer, n)(hidden)[0].numpy() for n in ("query", "key", "value")]

    def relations(states: np.ndarray) -> np.ndarray:
        size = states.shape[1] // heads
        parts = [states[:, i * size : (i + 1) * size] for i in range(heads)]
        scores = np.exp(np.stack([part @ part.T / math.sqrt(size) for part in parts]))
        return scores / scores.sum(-1, keepdims=True)

    rows = []
    for text, _ in ROWS:
        both = zip(*(projections(model, text) for model in models), strict=True)
        found = [(relations(own), relations(taught)) for own, taught in both]
        rows.append(np.mean([(p * np.log(p / q)).sum(-1) for q, p in found]))
    return float(np.mean(rows))


def test_relations_of_a_wider_teacher_are_learnt(
    pair: dict[str, Path], table: Path, tmp_path: Path
) -> None:
    weights = ["--relation_weight", "3", "--relation_heads", "2"]
    assert run(pair, table, tmp_path / "plain") == 0
    assert run(pair, table, tmp_path / "run", *weights) == 0
    added = loss(tmp_path / "run") - loss(tmp_path / "plain")
    assert added == pytest.approx(3 * relation_written_out(pair, 2), rel=1e-4)
    card = (tmp_path / "run" / "README.md").read_text()
    assert "relation weight 3" in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--relation_weight", "1", "--relation_heads", "3"], "do not divide a width of 16"),
        (["--relation_weight", "-1"], "--relation_weight must not be negative"),
        (["--relation_heads", "2"], "--relation_heads needs a --relation_weight"),
        (["--hidden_weight", "1"], "--relation_weight 1 compares models of any width"),
    ],
)
def test_relations_that_cannot_be_are_one_line(
    options: list[str],
    message: str,
    pair: dict[str, Path],
    table: Path,
    tmp_path: Path,
    capsys: Any,
) -> None:
    assert run(pair, table, tmp_path / "run", *options) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
