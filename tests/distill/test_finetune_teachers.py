"""The second stage with teachers unlike their student, by the documented command."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from tests.distill.one_step import ROWS, loss, run


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
        (["--relation_weight", "-1"], "--relation_weight must be 0 or more, not -1.0"),
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


def test_live_teacher_whose_outputs_are_not_finite_is_named(
    pair: dict[str, Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the rows that score it all is well; one word of the training rows overflows. Without a
    look at its outputs the message blamed the learning rate."""
    scored = tmp_path / "scored.csv"
    scored.write_text("text,label\nthe mill stands,no\nthe mill,yes\n")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(pair["teacher"])
    word = tokenizer("bread", add_special_tokens=False)["input_ids"][-1]
    assert word not in tokenizer("the mill stands")["input_ids"]
    model = AutoModelForSequenceClassification.from_pretrained(pair["teacher"])
    model.bert.embeddings.word_embeddings.weight.data[word] = 3e38  # finite; its sum is not
    model.save_pretrained(pair["teacher"])
    options = ["--relation_weight", "1", "--relation_heads", "2", "--eval_data", str(scored)]
    assert run(pair, table, tmp_path / "run", *options) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"error: the teacher {pair['teacher']}: its outputs are not finite" in error
