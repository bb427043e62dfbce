"""Checkpoints for the export tests: MiniLM's real encoder under every head and architecture."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distill.models.presets import PRESETS

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")
SMALL = {"n_layers": 3, "dim": 384, "hidden_dim": 1536}
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


@pytest.fixture(scope="session")
def checkpoint_directory(
    minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Path]:
    """``(model type, task) -> directory`` of a `transformers` checkpoint. A `bert` one has MiniLM's
    encoder and a random head; a `distilbert` one is three layers at random."""
    import transformers

    made: dict[tuple[str, str], Path] = {}

    def make(model_type: str, task: str) -> Path:
        if (model_type, task) not in made:
            torch.manual_seed(0)
            kind = getattr(transformers, CLASSES[model_type][task])
            labels = {"num_labels": 1} if task == "rank" else {}
            if model_type == "bert":
                model = kind.from_pretrained(minilm_directory, **labels)
            else:
                config = dict(PRESETS["distilbert"].config) | SMALL | labels
                model = kind(transformers.AutoConfig.for_model(config.pop("model_type"), **config))
            directory = tmp_path_factory.mktemp(f"{model_type}-{task}")
            model.save_pretrained(directory)
            for name in TOKENIZER:
                shutil.copy(minilm_directory / name, directory)
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
