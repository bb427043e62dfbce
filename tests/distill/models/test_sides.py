"""Tokenizers that pad or cut on the left, through the documented commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.pretrain import main as pretrain
from export.coreml import main as export

TEXTS = ("bread", "the old mill stands beside the river and its wheel turns all day")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [f"bread {n},the mill is old {n % 7},{n % 5}" for n in range(12)]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["sentence1,sentence2,score", *rows]))
    return path


def sided(source: Path, folder: Path, **sides: str) -> Path:
    shutil.copytree(source, folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **sides}))
    assert AutoTokenizer.from_pretrained(folder).init_kwargs.items() >= sides.items()
    return folder


@pytest.mark.slow
def test_embedder_of_a_tokenizer_that_pads_on_the_left_is_one_that_pads_on_the_right(
    small_teacher: Path, pairs: Path, tmp_path: Path
) -> None:
    left = sided(small_teacher, tmp_path / "left", padding_side="left")
    outputs = []
    for start in (left, small_teacher):
        outputs.append(tmp_path / f"of-{start.name}")
        line = ["--task", "embed", "--data", str(pairs), "--eval_data", str(pairs)]
        line += ["--model", str(start), "--max_length", "48", "--max_steps", "2", "--report_to"]
        line += ["none", "--save_strategy", "no", "--out", str(outputs[-1])]
        assert finetune(line) == 0
    first, second = (SentenceTransformer(str(folder), device="cpu") for folder in outputs)
    assert first.tokenizer.padding_side == "right"
    embedded = first.encode(list(TEXTS))
    np.testing.assert_allclose(embedded, second.encode(list(TEXTS)), atol=1e-6)
    np.testing.assert_allclose(embedded[0], first.encode(TEXTS[0]), atol=1e-5)


def test_student_of_a_tokenizer_that_pads_on_the_left_pads_on_the_right(
    small_teacher: Path, text_file: Path, tmp_path: Path
) -> None:
    left = sided(small_teacher, tmp_path / "left", padding_side="left")
    line = ["--teacher", str(left), "--text", str(text_file), "--layers", "1", "--max_steps", "1"]
    line += ["--sequence_length", "48", "--save_strategy", "no", "--report_to", "none"]
    assert pretrain([*line, "--out", str(tmp_path / "student")]) == 0
    assert AutoTokenizer.from_pretrained(tmp_path / "student").padding_side == "right"


def test_tokenizer_that_cuts_on_the_left_is_one_line(
    small_teacher: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = sided(small_teacher, tmp_path / "left", truncation_side="left")
    data = ["--task", "embed", "--data", str(pairs), "--max_length", "48"]
    out = str(tmp_path / "out")
    for command, line in (
        (finetune, [*data, "--model", str(left), "--out", out]),
        (finetune, [*data, "--model", str(small_teacher), "--teacher", str(left), "--out", out]),
        (evaluate, [*data, "--model", str(left)]),
        (export, ["--task", "embed", "--model", str(left), "--out", f"{out}-package"]),
    ):
        assert command(line) == 2
        last = capsys.readouterr().err.strip().splitlines()[-1]
        assert last.startswith(f"error: {left}: its tokenizer cuts long texts on the left")
