"""Models from checkpoint directories, for training and for scoring."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig

from distill.console.errors import UserError

DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "dropout",
    "attention_dropout",
    "qa_dropout",
    "seq_classif_dropout",
)
BROKEN = (SafetensorError, pickle.UnpicklingError, OSError, EOFError, ValueError, RuntimeError)


@contextmanager
def readable(directory: Path, role: str = "") -> Iterator[None]:
    """Turn what `transformers` raises for files that are damaged, missing or do not belong
    together into one line; ``role`` is what the checkpoint was to be.

    Raises:
        UserError: the checkpoint cannot be loaded.
    """
    try:
        yield
    except BROKEN as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{directory}: cannot be loaded{role} ({reason})") from None


def configuration(directory: Path, dropout: float | None = None) -> Any:
    """The configuration of a checkpoint, with ``dropout`` in the place of its own when given.

    Raises:
        UserError: the configuration cannot be loaded, or ``dropout`` is no probability below 1.
    """
    if dropout is not None and not 0 <= dropout < 1:
        raise UserError(f"--dropout must be at least 0 and below 1, not {dropout}")
    with readable(directory):
        config = AutoConfig.from_pretrained(directory)
    for name in DROPOUTS if dropout is not None else ():
        if hasattr(config, name):
            setattr(config, name, dropout)
    return config


def takes_segments(model: Any) -> bool:
    """Whether a model tells two segments apart; DistilBERT and RoBERTa do not."""
    return int(getattr(model.config, "type_vocab_size", 0)) > 1


def scoring_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
