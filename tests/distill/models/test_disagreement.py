"""A tokenizer.json that `transformers` does not follow: all tasks read a text alike, and it is
said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from distill.models.loading import load_auto_tokenizer
from distill.models.tokenizer import load_tokenizer
from distill.students.from_layers import one_vocabulary

TEXT = "The Mill and the MILLER"


@pytest.fixture
def cased(small_teacher: Path, tmp_path: Path) -> Path:
    """Its tokenizer.json lower-cases, its tokenizer_config.json says that it does not."""
    folder = tmp_path / "cased"
    shutil.copytree(small_teacher, folder)
    path = folder / "tokenizer_config.json"
    told = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    return folder


def test_files_that_disagree_are_read_as_transformers_does(
    cased: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = AutoTokenizer.from_pretrained(cased).tokenize(TEXT)
    assert load_tokenizer(cased).encode(TEXT, add_special_tokens=False).tokens == expected
    assert load_auto_tokenizer(cased).tokenize(TEXT) == expected
    said = capsys.readouterr().err
    assert said.count("tokenizer.json and tokenizer_config.json disagree") == 1


def test_one_vocabulary_read_in_two_cases_is_not_shared(cased: Path, small_teacher: Path) -> None:
    assert one_vocabulary(small_teacher, small_teacher)
    assert not one_vocabulary(cased, small_teacher)
