"""A small teacher of its own vocabulary, and text for it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_teacher(tmp_path_factory: pytest.TempPathFactory, passages: list[str]) -> Path:
    """The directory of a BERT with MLM head: 4 layers, 32 wide, 400 word pieces, random weights."""
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast, set_seed

    from tests.word_pieces import word_pieces

    directory = tmp_path_factory.mktemp("teacher")
    names = {"unk": "[UNK]", "pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    special = {f"{name}_token": token for name, token in names.items()}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=word_pieces(passages)._tokenizer, **special
    )
    tokenizer.save_pretrained(directory)
    set_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertForMaskedLM(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def sentences(passages: list[str]) -> list[str]:
    """Sentences of the passages, and pairs of neighbours: sequences of many lengths."""
    single = [s for passage in passages for s in re.split(r"(?<=[.?!]) +", passage) if s.strip()]
    return single + [f"{a} {b}" for a, b in itertools.pairwise(single)]


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory, sentences: list[str]) -> Path:
    path = tmp_path_factory.mktemp("text") / "sentences.txt"
    path.write_text("\n".join(sentences) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def checkpoints(small_teacher: Path, tmp_path: Path) -> dict[str, Path]:
    """A checkpoint of SST-2 and one of SQuAD."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForQuestionAnswering,
        BertForSequenceClassification,
    )

    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(small_teacher, architectures=None)
    models = {
        "sst2": BertForSequenceClassification(config),
        "squad": AutoModelForQuestionAnswering.from_config(config),
    }
    for name, model in models.items():
        shutil.copytree(small_teacher, tmp_path / name)
        model.save_pretrained(tmp_path / name)
    return {name: tmp_path / name for name in models}


@pytest.fixture
def by_two_processes() -> Callable[[str, Path], str]:
    """Run a command on a file of options in two processes, by the documentation's command; what
    it printed."""

    def start(module: str, path: Path) -> str:
        launch = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
        done = subprocess.run(
            [sys.executable, "-m", *launch, "-m", module, path],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return start


@pytest.fixture
def by_two_nodes() -> Callable[[Sequence[str], str, Path], str]:
    """Run a command on a file of options on two nodes of one process each, which are both this
    machine, by a launcher's command in the documentation's form; what the first node printed."""

    def start(launcher: Sequence[str], module: str, path: Path) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        nodes = [
            subprocess.Popen(
                [sys.executable, "-m", *(w.format(node=node, port=port) for w in launcher),
                 "-m", module, str(path)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            )
            for node in (0, 1)
        ]  # fmt: skip
        try:
            printed = [node.communicate(timeout=500) for node in nodes]
        finally:
            for node in nodes:
                node.kill()
        assert [node.returncode for node in nodes] == [0, 0], printed[0][1][-2000:]
        assert not printed[1][0].strip()
        return printed[0][0]

    return start


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A few rows with a label, as CSV."""
    from tests.distill.one_step import ROWS

    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    return path


@pytest.fixture
def pair(small_teacher: Path, tmp_path: Path) -> dict[str, Path]:
    """A student 16 wide and a teacher 24 wide."""
    from tests.distill.one_step import classifier

    return {
        "student": classifier(tmp_path / "student", small_teacher, 16, 1),
        "teacher": classifier(tmp_path / "teacher", small_teacher, 24, 2),
    }
