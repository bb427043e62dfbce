"""A folder of `transformers` or `sentence-transformers` -> configuration, weights, modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from distill.console.bounded_files import read_object
from distill.console.errors import UserError
from distill.models.checkpoint_folder import config_file, model_folder
from distill.models.presets import PRESETS, preset_directory
from export.checkpoint.configuration import EncoderConfig, encoder_config
from export.checkpoint.cross_encoder import is_cross_encoder, score_activation
from export.checkpoint.sentence_modules import SentenceModules, read_modules, transformer_folder
from export.checkpoint.weight_files import read_weights

__all__ = ["Checkpoint", "EncoderConfig", "encoder_config", "load_checkpoint", "read_weights"]

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)


@dataclass(frozen=True)
class Checkpoint:
    """Weights under the names of `transformers` without the encoder's prefix; None for an
    architecture whose weights are drawn from ``seed``. ``source`` is the hub id, if any, and
    ``directory`` where config.json is."""

    name: str
    config: EncoderConfig
    weights: Mapping[str, torch.Tensor] | None
    directory: Path | None
    seed: int = 0
    source: str = ""
    root: Path | None = None
    """The folder that was named, with modules.json where it is one of `sentence-transformers`."""

    @property
    def random_weights(self) -> bool:
        """Whether the weights are still to be drawn."""
        return self.weights is None

    @property
    def cross_encoder(self) -> bool:
        """Whether `sentence_transformers.CrossEncoder` wrote the folder."""
        return is_cross_encoder(self.root or self.directory, self.config.stored)

    def score_activation(self, rows: int) -> str:
        """What `CrossEncoder` does to logits of ``rows`` rows: ``identity`` or ``sigmoid``.

        Raises:
            UserError: an activation that is not known.
        """
        root = self.root or self.directory
        return score_activation(root, self.config.stored, rows, self.name)

    @property
    def modules(self) -> SentenceModules:
        """How an embedding or the score of a pair is made.

        Raises:
            UserError: as `read_modules`.
        """
        root = self.root or self.directory
        return read_modules(root) if root else SentenceModules()

    @property
    def tokenizer_directory(self) -> Path | None:
        """Where the tokenizer files are: with the weights; of a preset without any, with another
        (all presets share BERT's uncased vocabulary)."""
        if self.directory is not None and any(
            (self.directory / name).is_file() for name in TOKENIZER_FILES
        ):
            return self.directory
        if self.directory is None and self.name in PRESETS:
            return preset_directory("minilm") or preset_directory("qa-mini")
        return None


def load_checkpoint(model: str, *, random_weights: bool = False, seed: int = 0) -> Checkpoint:
    """Load a checkpoint by directory, hub id or preset.

    Args:
        random_weights: take only the architecture, with weights drawn from ``seed``.

    Raises:
        UserError: no such model, no or broken configuration or weights, or a model type that
            the encoder does not cover.
    """
    root = checkpoint_root(model, random_weights)
    directory = transformer_folder(root) if root else None
    stored = PRESETS[model].config if directory is None else _read_config(directory)
    config = encoder_config(stored, model)
    # A directory by its own name, also when it is given as "."; a hub id by its last part.
    name = model if model in PRESETS else Path(model).resolve().name
    source = name if model in PRESETS or Path(model).is_dir() else model
    weights = None
    if not random_weights:
        assert directory is not None
        weights = read_weights(directory, config.family.prefix)
    return Checkpoint(name, config, weights, directory, seed, source, root)


def checkpoint_root(model: str, random_weights: bool = False) -> Path | None:
    """The folder of a checkpoint by directory, hub id or preset; None for a preset without weights
    here whose weights are to be drawn.

    Raises:
        UserError: no such checkpoint.
    """
    if model in PRESETS:
        directory = preset_directory(model)
        if directory is None and not random_weights:
            raise UserError(
                f"the weights of {model} are not on this machine; name a checkpoint folder, "
                "or export the architecture with --random-weights"
            )
        return directory
    return model_folder(model)


def _read_config(directory: Path) -> dict[str, object]:
    return read_object(config_file(directory))
