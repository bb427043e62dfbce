"""Models from checkpoint folders, for training and for scoring, with every weight accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers import AutoConfig, AutoTokenizer

from distill.console.errors import UserError, note
from distill.families.family import POOLER
from distill.families.table import FAMILIES
from distill.models.safe_tokenizer import tokenizer_from
from distill.models.tokenizer import RIGHT, check_truncation, disagreement

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

DROPOUTS = tuple(dict.fromkeys(key for family in FAMILIES.values() for key in family.dropouts))
LISTED = 4
_COMPARED: set[Path] = set()
"""Folders whose tokenizer.json was compared with what `transformers` makes of it."""
Mismatch = tuple[str, Sequence[int], Sequence[int]]
"""The name of a weight, its shape in the checkpoint and its shape in the model."""


ModelClass = type[Any]
"""A class of `transformers` with ``from_pretrained``, such as an auto class: they share no base."""


class HasConfig(Protocol):
    """A model with the configuration of a `transformers` encoder."""

    @property
    def config(self) -> PretrainedConfig:
        """Its sizes, labels and ids of special tokens."""


@contextmanager
def readable(directory: Path, role: str = "") -> Iterator[None]:
    """Turn what `transformers` raises for files that are damaged, missing or do not belong
    together into one line; ``role`` is what the checkpoint was to be.

    Raises:
        UserError: the checkpoint cannot be loaded.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of transformers, torch, safetensors: they share no base class
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = 2 if lines and lines[0].endswith(":") else 1  # what the first line announces, too
        reason = " ".join(lines[:said]) or type(error).__name__
        raise UserError(f"{directory}: cannot be loaded{role} ({reason})") from None


def load_weights(
    kind: ModelClass, directory: Path, *, trained: bool = False, role: str = "", **options: object
) -> PreTrainedModel:
    """A model in float32 whose weights all come from the checkpoint.

    Only a head may be drawn at random (a note on stderr names it), and only a known head of
    another task may be left out.

    Args:
        kind: a class with ``from_pretrained``, such as ``AutoModelForMaskedLM``.
        trained: the checkpoint must have the head too.
        role: what the checkpoint is to be, for the error.
        options: of ``from_pretrained``; ``dtype`` replaces float32.

    Raises:
        UserError: files that cannot be loaded; weights that are missing, of another shape than
            config.json says, or of no known use.
    """
    model, drawn = load_reporting(kind, directory, trained=trained, role=role, **options)
    if drawn:
        note_drawn(model, directory, drawn)
    return model


def note_drawn(model: PreTrainedModel, directory: Path, drawn: set[str]) -> None:
    """Say which modules of a head were drawn at random, by the names of their weights."""
    note(f"{directory}: no trained {_heads(model, drawn)} for this task, drawn at random")


def load_reporting(
    kind: ModelClass, directory: Path, *, trained: bool = False, role: str = "", **options: object
) -> tuple[PreTrainedModel, set[str]]:
    """As `load_weights`, without the note: the model, and which weights were drawn at random.

    Raises:
        UserError: as `load_weights`.
    """
    options = {"dtype": torch.float32, **options}
    with readable(directory, role):
        model, report = kind.from_pretrained(
            directory,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are reported below, by name
            **options,
        )
    _check_shapes(model, directory, report["mismatched_keys"], trained)
    missing = {*report["missing_keys"]}
    lacking = {name for name in missing if not _of_head(model, name)} | _cut_heads(model, missing)
    problems = [_listed("has no", lacking)] if lacking else []
    stray = {name for name in report["unexpected_keys"] if not _known(model, name)}
    problems += [_listed("has the unknown", stray)] if stray else []
    if problems:
        raise UserError(
            f"{directory}: its weights are not those of a {type(model).__name__} of config.json: "
            f"it {' and '.join(problems)}"
        )
    if trained and missing:
        raise UserError(
            f"{directory}: has no trained {_heads(model, missing)}; fine-tune it on the task first"
        )
    drawn = missing | {name for name, *_ in report["mismatched_keys"]}
    _clear_biases(model, drawn)
    check_finite(model.named_parameters(), directory)
    return model, drawn


@torch.no_grad()
def _clear_biases(model: PreTrainedModel, drawn: set[str]) -> None:
    """A drawn bias is 0. `transformers` leaves some as they were in memory (data2vec's for masked
    text: up to 1e35)."""
    for name, weight in model.named_parameters():
        if name in drawn and name.endswith("bias"):
            weight.zero_()


def check_tokenizer(directory: Path) -> None:
    """`transformers` makes an empty tokenizer where there is none: all words would be unknown.

    Raises:
        UserError: a checkpoint without the files of a tokenizer.
    """
    names = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
    if not any(any(directory.glob(name)) for name in names):
        raise UserError(f"{directory}: has no tokenizer (no tokenizer.json, no vocabulary file)")


def check_finite(weights: Iterable[tuple[str, torch.Tensor]], directory: Path) -> None:
    """Raises:
    UserError: weights hold nan or infinity.
    """
    for name, weight in weights:
        if not bool(torch.isfinite(weight).all()):
            raise UserError(f"{directory}: {name} is not finite (nan or infinity): it is damaged")


def load_auto_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint through the auto class of `transformers`, set to pad on the
    right, as all batches here are padded.

    Raises:
        UserError: the checkpoint has none, or one that needs code of its own or cuts on the left.
    """
    check_tokenizer(directory)
    with readable(directory, " as a tokenizer"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            directory, trust_remote_code=False
        )
    check_truncation(tokenizer, directory)
    tokenizer.padding_side = RIGHT
    _say_disagreement(tokenizer, directory)
    return tokenizer


def _say_disagreement(tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
    """Note once that tokenizer.json is not read as it stands."""
    path = directory / "tokenizer.json"
    if directory in _COMPARED or not path.is_file():
        return
    _COMPARED.add(directory)
    if words := disagreement(tokenizer_from(path), tokenizer):
        note(
            f"{directory}: tokenizer.json and tokenizer_config.json disagree, and transformers "
            f"follows the latter, as all here do: {words}"
        )


def _module(model: PreTrainedModel, name: str) -> str:
    """The module of the model, or of its encoder, that a weight belongs to."""
    return name.removeprefix(f"{model.base_model_prefix}.").partition(".")[0]


def _heads(model: PreTrainedModel, names: Iterable[str]) -> str:
    return ", ".join(sorted({_module(model, name) for name in names}))


def _of_head(model: PreTrainedModel, name: str) -> bool:
    inside = name.startswith(f"{model.base_model_prefix}.") or model is model.base_model
    return _module(model, name) == POOLER if inside else True


def _known(model: PreTrainedModel, name: str) -> bool:
    """Whether a weight that the model does not have is that of a head of another task."""
    family = FAMILIES.get(model.config.model_type)
    heads = family.head_modules if family else frozenset({POOLER})
    return _module(model, name) in heads or name.endswith(".position_ids")


def _cut_heads(model: PreTrainedModel, missing: set[str]) -> set[str]:
    """Missing weights of a head of which the checkpoint has others; one that is tied to the
    encoder's is not a part of the head."""
    absent = {*missing, *(getattr(model, "_tied_weights_keys", None) or ())}
    loaded = {_module(model, name) for name, _ in model.named_parameters() if name not in absent}
    return {name for name in missing if _of_head(model, name) and _module(model, name) in loaded}


def _check_shapes(
    model: PreTrainedModel, directory: Path, mismatched: Iterable[Mismatch], trained: bool
) -> None:
    for name, stored, _ in sorted(mismatched):
        if trained or not _of_head(model, name):
            raise UserError(
                f"{directory}: {name} has the shape {tuple(stored)}, which does not agree with "
                "config.json"
            )


def _listed(what: str, names: set[str]) -> str:
    first = sorted(names)[:LISTED]
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{what} {', '.join(first)}{rest}"


def configuration(directory: Path, dropout: float | None = None) -> PretrainedConfig:
    """The configuration of a checkpoint, with ``dropout`` in the place of its own when given.

    Raises:
        UserError: the configuration cannot be loaded, or ``dropout`` is not a probability below 1.
    """
    if dropout is not None and not 0 <= dropout < 1:
        raise UserError(f"--dropout must be at least 0 and below 1, not {dropout}")
    with readable(directory):
        config: PretrainedConfig = AutoConfig.from_pretrained(directory, trust_remote_code=False)
    for name in DROPOUTS if dropout is not None else ():
        if hasattr(config, name):
            setattr(config, name, dropout)
    return config


def takes_segments(model: HasConfig) -> bool:
    """Whether a model tells two segments apart; DistilBERT and RoBERTa do not."""
    return int(getattr(model.config, "type_vocab_size", 0)) > 1


def scoring_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
