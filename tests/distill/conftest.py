"""A small teacher of its own vocabulary, and text for it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_teacher(tmp_path_factory: pytest.TempPathFactory, passages: list[str]) -> Path:
    """The directory of a BERT with MLM head: 4 layers, 32 wide, 800 word pieces, random weights."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast, set_seed

    directory = tmp_path_factory.mktemp("teacher")
    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(passages, vocab_size=800, min_frequency=1, show_progress=False)
    names = {"unk": "[UNK]", "pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    special = {f"{name}_token": token for name, token in names.items()}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **special)
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
