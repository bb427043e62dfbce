"""A Hugging Face checkpoint directory -> an encoder's configuration and its named weights.

Files from elsewhere are hostile until parsed: weights come from safetensors, or from a pickle
that may hold tensors only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from distill.console.errors import UserError
from distill.models.presets import PRESETS, preset_directory

ACTIVATIONS = ("gelu", "relu")
MEAN_POOLING = "pooling_mode_mean_tokens"
MOST_PARAMETERS = 4_000_000_000
"""A configuration above it is a mistake or an attack; its tensors must not even be allocated."""


@dataclass(frozen=True)
class EncoderConfig:
    """The architecture in one vocabulary for `bert` and `distilbert`; sizes in units and tokens.

    ``segments`` is the number of token types, 0 where the architecture has none.
    """

    model_type: str
    layers: int
    width: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    segments: int
    activation: str
    layer_norm_eps: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """Weights under Hugging Face's names without the ``bert.`` or ``distilbert.`` prefix; None for
    an architecture whose weights are drawn from ``seed``. ``source`` is the hub id, if any."""

    name: str
    config: EncoderConfig
    weights: Mapping[str, torch.Tensor] | None
    directory: Path | None
    seed: int = 0
    source: str = ""

    @property
    def random_weights(self) -> bool:
        return self.weights is None

    @property
    def tokenizer_directory(self) -> Path | None:
        """Where the tokenizer files are: with the weights; of a preset without any, with another
        (all presets share BERT's uncased vocabulary)."""
        if self.directory is not None and any(
            (self.directory / name).is_file() for name in ("tokenizer.json", "vocab.txt")
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
    directory = _directory(model, random_weights)
    stored = PRESETS[model].config if directory is None else _read_config(directory)
    config = encoder_config(stored, model)
    # A directory by its own name, also when it is given as "."; a hub id by its last part.
    name = model if model in PRESETS else Path(model).resolve().name
    source = name if model in PRESETS or Path(model).is_dir() else model
    if random_weights:
        return Checkpoint(name, config, None, directory, seed, source)
    assert directory is not None
    return Checkpoint(name, config, read_weights(directory), directory, seed, source)


def encoder_config(stored: Mapping[str, Any], name: str) -> EncoderConfig:
    """Translate the content of a config.json.

    Raises:
        UserError: the type or activation is not supported, or an entry is missing or absurd.
    """
    model_type = stored.get("model_type")
    if model_type not in ("bert", "distilbert"):
        raise UserError(f"{name}: model type {model_type!r} is not supported; bert, distilbert")
    bert = model_type == "bert"
    if stored.get("is_decoder"):
        raise UserError(f"{name}: a decoder (is_decoder) is not supported; encoders are")
    activation = stored.get("hidden_act" if bert else "activation", "gelu")
    if activation not in ACTIVATIONS:
        raise UserError(f"{name}: activation {activation!r} is not supported; gelu, relu")
    positions = stored.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise UserError(f"{name}: {positions!r} position embeddings are not supported; absolute")
    labels = stored.get("id2label") or {}
    try:
        config = EncoderConfig(
            model_type=model_type,
            layers=int(stored["num_hidden_layers" if bert else "n_layers"]),
            width=int(stored["hidden_size" if bert else "dim"]),
            heads=int(stored["num_attention_heads" if bert else "n_heads"]),
            intermediate=int(stored["intermediate_size" if bert else "hidden_dim"]),
            vocabulary=int(stored["vocab_size"]),
            positions=int(stored["max_position_embeddings"]),
            segments=int(stored.get("type_vocab_size", 2)) if bert else 0,
            activation=activation,
            layer_norm_eps=float(stored.get("layer_norm_eps", 1e-12)),
            labels=tuple(str(labels[key]) for key in sorted(labels, key=int)),
        )
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{name}: config.json has no usable {error}") from None
    _check_sizes(config, name)
    return config


def _check_sizes(config: EncoderConfig, name: str) -> None:
    sizes = (config.layers, config.width, config.heads, config.intermediate, config.vocabulary)
    if min(*sizes, config.positions) < 1 or config.segments < 0:
        raise UserError(f"{name}: config.json has a size below 1")
    if config.width % config.heads:
        raise UserError(f"{name}: width {config.width} does not divide by {config.heads} heads")
    rows = config.vocabulary + config.positions + config.segments
    layer = 4 * config.width + 2 * config.intermediate
    parameters = config.width * (rows + config.layers * layer)
    if parameters > MOST_PARAMETERS:
        raise UserError(f"{name}: config.json asks for {parameters:.1e} parameters")


def read_weights(directory: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint as float32, by name without the model prefix.

    Raises:
        UserError: no weights, or a file that is truncated or no tensor file.
    """
    weights: dict[str, torch.Tensor] = {}
    for path in _weight_files(directory):
        try:
            tensors = _load(path)
        except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"{path}: broken weights ({reason})") from None
        except Exception as error:  # an unpickler raises whatever the bytes suggest
            raise UserError(f"{path}: refused ({type(error).__name__}); safetensors only") from None
        for name, tensor in tensors.items():
            if tensor.is_floating_point():  # position_ids are none
                weights[plain_name(name)] = tensor.float()
    return weights


def _load(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    stored = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(stored, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in stored.items()
    ):
        raise ValueError("not a table of named tensors")
    return stored


def plain_name(name: str) -> str:
    """A weight's name without the prefix of its architecture, and with today's endings."""
    name = re.sub(r"^(bert|distilbert)\.", "", name)
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )


def check_pooling(checkpoint: Checkpoint) -> None:
    """Raises:
    UserError: `sentence-transformers` pools this checkpoint otherwise than by the mean of its
        tokens, as it says in ``1_Pooling/config.json``.
    """
    path = (checkpoint.directory or Path()) / "1_Pooling" / "config.json"
    if checkpoint.directory is None or not path.is_file():
        return
    modes = {key for key, value in _read_settings(path).items() if value is True}
    others = {mode for mode in modes if mode.startswith("pooling_mode_")} - {MEAN_POOLING}
    if others:
        raise UserError(f"{checkpoint.name}: {others.pop()} is not supported; {MEAN_POOLING} is")


def _weight_files(directory: Path) -> list[Path]:
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        files = sorted(directory.glob(pattern))
        if files:
            return files
    raise UserError(
        f"{directory}: no weights (model.safetensors or pytorch_model.bin); "
        "--random-weights exports the architecture alone"
    )


def _directory(model: str, random_weights: bool) -> Path | None:
    if model in PRESETS:
        directory = preset_directory(model)
        if directory is None and not random_weights:
            raise UserError(
                f"the weights of {model} are not on this machine; name a checkpoint directory, "
                "or export the architecture with --random-weights"
            )
        return directory
    directory = Path(model)
    if directory.is_dir():
        return directory
    if re.fullmatch(r"[\w.-]+/[\w.-]+", model) and not directory.exists():
        return _from_hub(model)
    raise UserError(f"{model}: no such checkpoint directory or preset ({', '.join(PRESETS)})")


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download

    small = ["*.json", "vocab.txt", "README.md"]
    try:
        folder = snapshot_download(model, allow_patterns=[*small, "model*.safetensors"])
        if not any(Path(folder).glob("model*.safetensors")):
            folder = snapshot_download(model, allow_patterns=[*small, "pytorch_model*.bin"])
    except Exception as error:  # the hub's client has a type for every way to fail
        raise UserError(
            f"{model}: no such directory, and the hub did not give it ({type(error).__name__})"
        ) from None
    return Path(folder)


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / "config.json"
    if not path.is_file():
        raise UserError(f"{directory}: no checkpoint there (config.json is missing)")
    return _read_settings(path)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error})") from None
    if not isinstance(stored, dict):
        raise UserError(f"{path}: not a configuration")
    return stored
