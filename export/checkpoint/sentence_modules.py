"""What `sentence-transformers` puts around an encoder: modules.json and the folders it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from distill.console.bounded_files import read_json, read_object
from distill.console.errors import UserError
from export.checkpoint.activations import MODULE_ACTIVATIONS
from export.checkpoint.cross_encoder import KIND, SETTINGS
from export.checkpoint.weight_files import SINGLE_AND_INDEX, load_tensors

OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Booleans of versions before 6, in the order in which their vectors are joined."""
POOLING_MODES = tuple(OLD_MODES.values())
EMBEDDING = ("sentence_embedding",)
SUPPORTED: dict[str, dict[str, tuple[object, ...]]] = {
    "Transformer": {
        "do_lower_case": (False,),
        "transformer_task": ("feature-extraction", "sequence-classification"),
        "module_output_name": ("token_embeddings", "scores"),
        "processing_kwargs": ({},),
        "query_length": (),
        "document_length": (),
        "query_expansion": (),
    },
    "Pooling": {"include_prompt": (True,)},
    "Dense": {
        "module_input_name": EMBEDDING,
        "module_output_name": EMBEDDING,
        "use_residual": (False,),
    },
    "Normalize": {"module_input_name": EMBEDDING, "module_output_name": EMBEDDING},
    "LayerNorm": {},
    "SentenceTransformer": {"truncate_dim": (), "default_prompt_name": ("",)},
    KIND: {"default_prompt_name": ("",)},
}
"""Module, or the model as a whole -> its setting -> the values that the kit follows, beside null.
What else these files say does not change what comes out."""
REMEDIES = {
    "default_prompt_name": "; put the prompt before the text yourself, and set it to null",
    "truncate_dim": "; cut the embeddings where they are used, and set it to null",
    "do_lower_case": "; let the tokenizer do it",
}
SIMILARITIES = {None: "cosine", "cosine": "cosine", "dot": "dot"}


@dataclass(frozen=True)
class Step:
    """A module after the pooling: ``kind`` as `sentence-transformers` names it, with its weights
    by the names of ours."""

    kind: str
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict, hash=False)
    activation: str = "Identity"


@dataclass(frozen=True)
class SentenceModules:
    """How an embedding is made of hidden states. ``pooling``: modes whose vectors are joined.
    ``longest``: tokens after which a text is cut, or None."""

    pooling: tuple[str, ...] = ("mean",)
    steps: tuple[Step, ...] = (Step("Normalize"),)
    similarity: str = "cosine"
    longest: int | None = None

    @property
    def normalize(self) -> bool:
        """Whether embeddings leave with length 1."""
        return bool(self.steps) and self.steps[-1].kind == "Normalize"

    def width(self, hidden: int) -> int:
        """Numbers in an embedding of an encoder that is ``hidden`` wide."""
        width = hidden * len(self.pooling)
        for step in self.steps:
            if step.kind == "Dense":
                width = int(step.weights["weight"].shape[0])
        return width


def transformer_folder(directory: Path) -> Path:
    """Where the encoder of a checkpoint is: the folder itself, or that of an old layout in it.

    Raises:
        UserError: the first module is not an encoder.
    """
    modules = _modules(directory)
    if not modules or (directory / "config.json").is_file():
        return directory
    kind, folder = modules[0]
    if kind != "Transformer":
        raise UserError(
            f"{directory}: module {kind} is not supported as the first (expected Transformer)"
        )
    return folder


def read_modules(directory: Path) -> SentenceModules:
    """The modules of a folder of `sentence-transformers`. Without modules.json an embedding is the
    mean of the hidden states at length 1, or pooled as 1_Pooling says.

    Raises:
        UserError: a module, mode or setting that the kit does not support, by name.
    """
    modules = _modules(directory)
    if not modules:
        pooling = directory / "1_Pooling"
        return SentenceModules(_pooling(pooling)) if pooling.is_dir() else SentenceModules()
    settings = _optional(directory / SETTINGS)
    (first, encoder), *rest = modules
    if settings.get("model_type") == KIND:
        if first != "Transformer" or rest:
            found = rest[0][0] if rest else first
            raise UserError(
                f"{directory}: module {found} of a {KIND} is not supported (expected Transformer "
                "alone)"
            )
        _check_supported(KIND, settings, directory / SETTINGS)
        return SentenceModules(longest=_longest(encoder))
    if first != "Transformer" or (rest and rest[0][0] != "Pooling"):
        found = first if first != "Transformer" else rest[0][0]
        raise UserError(
            f"{directory}: module {found} is not supported (expected Transformer, Pooling, …)"
        )
    if not rest:
        raise UserError(f"{directory}: modules.json has no Pooling")
    steps = [_step(kind, folder) for kind, folder in modules[2:]]
    _check_supported("SentenceTransformer", settings, directory / SETTINGS)
    return SentenceModules(
        pooling=_pooling(rest[0][1]),
        steps=tuple(steps),
        similarity=_similarity(settings, directory),
        longest=_longest(encoder),
    )


def _modules(directory: Path) -> list[tuple[str, Path]]:
    path = directory / "modules.json"
    if not path.is_file():
        return []
    try:
        entries = [(str(entry["type"]), str(entry["path"])) for entry in read_json(path)]
    except (TypeError, KeyError):
        raise UserError(f"{path}: not a list of modules") from None
    for kind, inside in entries:
        if not kind.startswith("sentence_transformers."):
            raise UserError(f"{path}: module {kind} is not supported (its code is elsewhere)")
        if ".." in Path(inside).parts or Path(inside).is_absolute():
            raise UserError(f"{path}: {inside} is not inside the folder")
    return [(kind.rpartition(".")[2], directory / inside) for kind, inside in entries]


def _pooling(folder: Path) -> tuple[str, ...]:
    path = folder / "config.json"
    settings = read_object(path)
    _check_supported("Pooling", settings, path)
    stated = settings.get("pooling_mode")
    if stated is None:
        unknown = {key for key, value in settings.items() if value is True} - {*OLD_MODES}
        modes = [mode for key, mode in OLD_MODES.items() if settings.get(key) is True]
        modes += sorted(key for key in unknown if key.startswith("pooling_mode_"))
    else:
        modes = [stated] if isinstance(stated, str) else list(stated)
    wrong = [mode for mode in modes if mode not in POOLING_MODES]
    if wrong or not modes:
        known = ", ".join(POOLING_MODES)
        raise UserError(f"{path}: pooling {wrong or 'none'} is not supported (expected {known})")
    return tuple(modes)


def _dense(folder: Path) -> Step:
    path = folder / "config.json"
    settings = read_object(path)
    _check_supported("Dense", settings, path)
    activation = _class_name(settings.get("activation_function")) or "Tanh"
    if activation not in MODULE_ACTIVATIONS:
        known = ", ".join(MODULE_ACTIVATIONS)
        raise UserError(f"{path}: activation {activation} is not supported (expected {known})")
    return Step("Dense", _weights(folder, "linear."), activation)


def _layer_norm(folder: Path) -> Step:
    return Step("LayerNorm", _weights(folder, "norm."))


def _normalize(folder: Path) -> Step:
    path = folder / "config.json"
    _check_supported("Normalize", _optional(path), path)
    return Step("Normalize")


STEPS: dict[str, Callable[[Path], Step]] = {
    "Dense": _dense,
    "LayerNorm": _layer_norm,
    "Normalize": _normalize,
}


def _step(kind: str, folder: Path) -> Step:
    if kind not in STEPS:
        known = ", ".join(STEPS)
        raise UserError(f"{folder}: module {kind} is not supported (expected {known})")
    return STEPS[kind](folder)


def _weights(folder: Path, prefix: str) -> dict[str, torch.Tensor]:
    names = [single for single, _ in SINGLE_AND_INDEX]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: no weights ({' or '.join(names)})")
    tensors = load_tensors(path)
    stray = [name for name in tensors if not name.startswith(prefix)]
    if stray or f"{prefix}weight" not in tensors:
        raise UserError(f"{path}: holds {stray or 'nothing'}, not {prefix}weight")
    return {name.removeprefix(prefix): tensor.float() for name, tensor in tensors.items()}


def _check_supported(kind: str, settings: Mapping[str, object], path: Path) -> None:
    """Raises:
    UserError: a setting of a module has a value that the kit does not follow.
    """
    for key, values in SUPPORTED[kind].items():
        value = settings.get(key)
        if value is not None and value not in values:
            remedy = REMEDIES.get(key, "")
            raise UserError(f"{path}: {key} {value!r} is not supported for {kind}{remedy}")


def _similarity(settings: Mapping[str, object], directory: Path) -> str:
    stated = settings.get("similarity_fn_name")
    if stated not in SIMILARITIES:
        raise UserError(
            f"{directory}: similarity {stated!r} is not supported (expected cosine or dot)"
        )
    return SIMILARITIES[stated]


def _longest(encoder: Path) -> int | None:
    """Stated by versions before 6 in a file of their own, since then by the tokenizer."""
    path = encoder / "sentence_bert_config.json"
    settings = _optional(path)
    _check_supported("Transformer", settings, path)
    of_tokenizer = _optional(encoder / "tokenizer_config.json").get("model_max_length")
    longest = settings.get("max_seq_length") or of_tokenizer
    return int(longest) if longest else None


def _class_name(stated: object) -> str | None:
    return str(stated).rpartition(".")[2].removesuffix("()") if stated else None


def _optional(path: Path) -> dict[str, Any]:
    return read_object(path) if path.is_file() else {}
