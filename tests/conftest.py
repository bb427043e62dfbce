"""Real weights and real text for the tests; what is not on this machine skips with its reason."""

from __future__ import annotations

import gc
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from distill.models.presets import data_directory, preset_directory

TEXTS = Path(__file__).parent / "texts"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Every test, and every fixture that it is the first to ask for, has the same random numbers:
    what passes does not pass by luck."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope="module", autouse=True)
def _modules_are_no_garbage() -> None:
    """Conversions and simulators collect garbage, and each look through all that PyTorch and
    `transformers` define takes a third of a second: what is there before a file is passed over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def minilm_directory() -> Path:
    """The checkpoint directory of all-MiniLM-L6-v2 (real weights)."""
    directory = preset_directory("minilm")
    if directory is None:
        pytest.skip("needs the package of the `teacher` extra (all-MiniLM-L6-v2)")
    return directory


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets that DISTILKIT_DATA names."""
    directory = data_directory()
    if directory is None:
        pytest.skip("needs the public data sets: DISTILKIT_DATA names their folder")
    return directory


@pytest.fixture(scope="session")
def passages() -> list[str]:
    """Paragraphs of English prose written for these tests, 20 to 120 words each."""
    return (TEXTS / "passages.txt").read_text(encoding="utf-8").split("\n\n")


@pytest.fixture(scope="session")
def qa_examples(passages: list[str]) -> list[dict[str, str]]:
    """Questions on the passages: ``{"passage", "question", "answer"}``, the answer a substring."""
    rows = (TEXTS / "questions.tsv").read_text(encoding="utf-8").splitlines()
    examples = []
    for row in rows:
        number, question, answer = row.split("\t")
        examples.append({"passage": passages[int(number)], "question": question, "answer": answer})
    return examples


@pytest.fixture(scope="session")
def squad_file(qa_examples: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The questions on the passages in SQuAD's format."""
    paragraphs = [
        {
            "context": example["passage"],
            "qas": [
                {
                    "id": str(number),
                    "question": example["question"],
                    "answers": [
                        {
                            "text": example["answer"],
                            "answer_start": example["passage"].index(example["answer"]),
                        }
                    ],
                }
            ],
        }
        for number, example in enumerate(qa_examples)
    ]
    path = tmp_path_factory.mktemp("squad") / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "own", "paragraphs": paragraphs}]}))
    return path
