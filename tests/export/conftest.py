"""Checkpoints for the export tests: two real layers of MiniLM under any head."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distill.models.presets import PRESETS

LAYERS = 2
ENTRIES = 4000
"""Of MiniLM's vocabulary: its special tokens, every letter, and its most frequent words."""
WIDTH = 128
SMALL = {
    "n_layers": LAYERS,
    "dim": WIDTH,
    "n_heads": 4,
    "hidden_dim": 4 * WIDTH,
    "vocab_size": ENTRIES,
}
CLASSES = {
    "bert": {
        "qa": "BertForQuestionAnswering",
        "classify": "BertForSequenceClassification",
        "mlm": "BertForMaskedLM",
        "embed": "BertModel",
        "tokens": "BertForTokenClassification",
        "rank": "BertForSequenceClassification",
        "features": "BertModel",
    },
    "distilbert": {
        "qa": "DistilBertForQuestionAnswering",
        "classify": "DistilBertForSequenceClassification",
        "mlm": "DistilBertForMaskedLM",
        "embed": "DistilBertModel",
        "tokens": "DistilBertForTokenClassification",
        "rank": "DistilBertForSequenceClassification",
        "features": "DistilBertModel",
    },
}


def save_first_entries(source: Path, directory: Path) -> None:
    """A tokenizer's files with the first entries of its vocabulary alone."""
    content = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    entries = content["model"]["vocab"]
    content["model"]["vocab"] = {name: i for name, i in entries.items() if i < ENTRIES}
    (directory / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    lines = (source / "vocab.txt").read_text(encoding="utf-8").split("\n")[:ENTRIES]
    (directory / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(source / "tokenizer_config.json", directory)


@pytest.fixture(scope="session")
def checkpoint_directory(
    minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Path]:
    """``(model type, task) -> directory`` of a `transformers` checkpoint. A `bert` one has MiniLM's
    first layers and a random head; a `distilbert` one is narrow and wholly random."""
    import transformers

    made: dict[tuple[str, str], Path] = {}

    def make(model_type: str, task: str) -> Path:
        if (model_type, task) not in made:
            torch.manual_seed(0)
            kind = getattr(transformers, CLASSES[model_type][task])
            labels = {"num_labels": 1} if task == "rank" else {}
            if model_type == "bert":
                model = kind.from_pretrained(minilm_directory, num_hidden_layers=LAYERS, **labels)
                model.resize_token_embeddings(ENTRIES)
            else:
                config = dict(PRESETS["distilbert"].config) | SMALL | labels
                model = kind(transformers.AutoConfig.for_model(config.pop("model_type"), **config))
            directory = tmp_path_factory.mktemp(f"{model_type}-{task}")
            model.save_pretrained(directory)
            save_first_entries(minilm_directory, directory)
            made[model_type, task] = directory
        return made[model_type, task]

    return make


@pytest.fixture
def broken(checkpoint_directory: Callable[[str, str], Path], tmp_path: Path) -> Path:
    """A copy of a small checkpoint, for a test to break."""
    directory = tmp_path / "broken"
    shutil.copytree(checkpoint_directory("distilbert", "qa"), directory)
    return directory


@pytest.fixture
def change_config() -> Callable[..., None]:
    def change(directory: Path, **entries: object) -> None:
        path = directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))

    return change
