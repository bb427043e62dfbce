"""One step of the second stage on a few rows, by the documented command: a tiny student, and a
teacher that is unlike it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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


def run(pair: dict[str, Path], table: Path, output: Path, *options: str) -> int:
    line = ["--task", "classify", "--data", str(table), "--eval_data", str(table)]
    line += ["--model", str(pair["student"]), "--teacher", str(pair["teacher"])]
    line += ["--allow_weak_teacher", "--max_steps", "1", "--learning_rate", "1e-9"]
    line += ["--per_device_train_batch_size", "8", "--save_strategy", "no", "--report_to", "none"]
    line += ["--logits_cache", str(output.parent / "logits"), "--output_dir", str(output)]
    return finetune([*line, "--disable_tqdm", "true", *options])


def loss(output: Path) -> float:
    return float(json.loads((output / "metrics.json").read_text())["train_loss"])
