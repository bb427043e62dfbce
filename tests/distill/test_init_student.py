"""`distill.init_student` by the documented commands: depth and width of a student."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM

from distill.finetune import main as finetune
from distill.init_student import main as init_student
from tests.distill.one_step import ROWS

Capture = pytest.CaptureFixture[str]


def start(teacher: Path, out: Path, *options: str) -> int:
    return init_student(["--teacher", str(teacher), "--out", str(out), *options])


def test_student_is_deeper_and_narrower_than_its_teacher_and_learns_its_relations(
    small_teacher: Path, tmp_path: Path
) -> None:
    """The teacher has 4 layers of 32 numbers and 4 heads."""
    out = tmp_path / "start"
    options = ("--layers", "6", "--hidden_size", "24", "--intermediate_size", "40")
    assert start(small_teacher, out, *options) == 0
    config = AutoModel.from_pretrained(out).config
    assert (config.n_layers, config.dim, config.n_heads, config.hidden_dim) == (6, 24, 3, 40)
    table = tmp_path / "rows.csv"
    table.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    line = ["--task", "classify", "--data", str(table), "--eval_data", str(table), "--use_cpu"]
    line += ["--max_length", "32"]
    line += ["--max_steps", "2", "--report_to", "none", "--disable_tqdm", "true"]
    line += ["--save_strategy", "no", "--logits_cache", str(tmp_path / "logits")]
    teacher = tmp_path / "teacher"
    assert finetune([*line, "--model", str(small_teacher), "--out", str(teacher)]) == 0
    second = ["--teacher", str(teacher), "--allow_weak_teacher", "--relation_weight", "1"]
    second += ["--relation_heads", "8"]
    run = tmp_path / "run"
    assert finetune([*line, *second, "--model", str(out), "--out", str(run)]) == 0
    trained = AutoModel.from_pretrained(run)
    assert trained.config.dim == 24
    assert bool(torch.isfinite(trained.transformer.layer[5].ffn.lin1.weight).all())


def test_a_width_of_all_its_numbers_changes_nothing(small_teacher: Path, tmp_path: Path) -> None:
    plain, same = tmp_path / "plain", tmp_path / "same"
    assert start(small_teacher, plain, "--layers", "2") == 0
    assert start(small_teacher, same, "--layers", "2", "--hidden_size", "32") == 0
    first, second = (AutoModelForMaskedLM.from_pretrained(path).eval() for path in (plain, same))
    ids = torch.randint(5, 400, (2, 12), generator=torch.manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(second(ids).logits, first(ids).logits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--hidden_size", "20"), "not a multiple of the width of a head, 8, up to 32"),
        (("--hidden_size", "40"), "not a multiple of the width of a head, 8, up to 32"),
        (("--intermediate_size", "65"), "--intermediate_size must be 1 to 64, not 65"),
        (("--width", "16", "--hidden_size", "16"), "leave --hidden_size out"),
        (("--layers", "5", "--choice", "last"), "5 layers cannot be made from 4"),
    ],
)
def test_sizes_that_cannot_be_are_one_line(
    options: tuple[str, ...], message: str, small_teacher: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert start(small_teacher, tmp_path / "start", "--layers", "2", *options) == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1]
    assert not (tmp_path / "start").exists()


def test_teacher_without_a_tokenizer_is_refused(
    small_teacher: Path, tmp_path: Path, capsys: Capture
) -> None:
    files = shutil.ignore_patterns("tokenizer*", "vocab*")
    teacher = shutil.copytree(small_teacher, tmp_path / "teacher", ignore=files)
    assert start(teacher, tmp_path / "start", "--layers", "2") == 2
    assert f"{teacher}: has no tokenizer" in capsys.readouterr().err.splitlines()[-1]
