"""The weights of a checkpoint: exactly the files that `transformers` would load, nothing beside.

Files from elsewhere are hostile until parsed: weights come from safetensors, or from a pickle
that may hold tensors only.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from distill.console.bounded_files import read_object
from distill.console.errors import UserError

SINGLE_AND_INDEX = (
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)
"""In the order in which `transformers` looks for them."""
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
BUFFERS = ("position_ids", "token_type_ids")
"""Integer tensors that old checkpoints hold and nothing reads."""
WRAPPERS = ("module.", "_orig_mod.", "base_model.model.", "0.auto_model.", "model.")
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def read_weights(directory: Path, prefix: str = "") -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint as float32, by name without the encoder's ``prefix``.

    Raises:
        UserError: no weights; a file that is missing, truncated or not a tensor file; weights of
            8 bits; or adapters in the folder.
    """
    adapter = next((name for name in ADAPTERS if (directory / name).is_file()), None)
    if adapter:
        raise UserError(
            f"{directory}: has an adapter ({adapter}), which is not supported; merge it into the "
            "weights first (merge_and_unload of peft)"
        )
    weights: dict[str, torch.Tensor] = {}
    for path, expected in _files(directory).items():
        tensors = load_tensors(path)
        for name in expected if expected is not None else tensors:
            if name not in tensors:
                raise UserError(f"{path}: has no {name}, which the index says it holds")
            tensor = tensors[name]
            if name.rpartition(".")[2] in BUFFERS:
                continue
            if tensor.dtype not in FLOATS:
                dtype = str(tensor.dtype).removeprefix("torch.")
                raise UserError(f"{path}: {name} is stored as {dtype}, which is not supported")
            plain = _plain_name(name, prefix)
            if plain in weights:
                raise UserError(f"{path}: holds {plain} twice, with and without {prefix}")
            weights[plain] = tensor.float()
    return weights


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file by name.

    Raises:
        UserError: it is not a file of named tensors alone.
    """
    try:
        return _load(path)
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: broken weights ({reason})") from None
    except Exception as error:  # an unpickler raises whatever the bytes suggest
        raise UserError(f"{path}: refused ({type(error).__name__}); safetensors only") from None


def wrapper_of(stored: Collection[str], name: str) -> str | None:
    """The prefix that another tool put before the name of a weight, if it did.

    Args:
        stored: the names of all weights.
    """
    found = (
        wrapper
        for wrapper in WRAPPERS
        if any(each.startswith(wrapper) and each.endswith(f".{name}") for each in stored)
    )
    return next(found, None)


def wrapped(name: str, wrapper: str) -> str:
    """What is wrong with a checkpoint whose weights have a prefix, and what to do."""
    return (
        f"{name}: its weights are named {wrapper}…, as another tool wrapped the model; save them "
        "without this prefix"
    )


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


def _plain_name(name: str, prefix: str) -> str:
    name = name.removeprefix(prefix)
    for old, new in OLD_NAMES.items():
        name = re.sub(rf"{re.escape(old)}$", new, name)
    return name


def _files(directory: Path) -> dict[Path, list[str] | None]:
    """The files to load; of an index with the names of the tensors in each."""
    for single, index in SINGLE_AND_INDEX:
        if (directory / single).is_file():
            return {directory / single: None}
        if (directory / index).is_file():
            return _indexed(directory / index)
    raise UserError(
        f"{directory}: no weights (model.safetensors or pytorch_model.bin); "
        "--random-weights exports the architecture alone"
    )


def _indexed(index: Path) -> dict[Path, list[str] | None]:
    mapping = read_object(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise UserError(f"{index}: has no weight_map")
    files: dict[Path, list[str] | None] = {}
    for name, file in mapping.items():
        path = index.with_name(Path(str(file)).name)
        if not path.is_file():
            raise UserError(f"{index}: names {file}, which is not in the folder")
        names = files.setdefault(path, [])
        assert names is not None
        names.append(name)
    return files
