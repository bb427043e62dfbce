"""A checkpoint with the rows of some entries only: word embeddings, MLM projection and its bias."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from distill.console.errors import UserError
from distill.models.own_architecture import load_as_named

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


def with_fewer_entries(source: Path, kept: torch.Tensor) -> tuple[PreTrainedModel, int]:
    """The model of a checkpoint with the vocabulary rows ``kept``, and its former parameters.

    Every other weight is the checkpoint's own, in its own precision; the ids of special tokens in
    the configuration are renumbered.

    Args:
        kept: the old ids to keep, ascending; int64 of shape (entries,).

    Raises:
        UserError: the checkpoint cannot be read, does not name its architecture, or has another
            size that equals its vocabulary's, so that its rows cannot be told apart.
    """
    model = load_as_named(source)
    config = model.config
    before = sum(parameter.numel() for parameter in model.parameters())
    rows = config.vocab_size
    if int(kept.max()) >= rows:
        raise UserError(f"{source}: the tokenizer has an id {int(kept.max())}, beyond {rows} rows")
    if rows in (value for name, value in vars(config).items() if name != "vocab_size"):
        raise UserError(
            f"{source}: cannot be trimmed: another size is {rows}, too, like its vocabulary"
        )
    tensors = model.state_dict()
    _renumber(config, kept)
    smaller = type(model)(config)
    smaller.to(model.dtype)  # type: ignore[arg-type]
    smaller.load_state_dict(
        {name: _rows_kept(tensor, kept, rows) for name, tensor in tensors.items()}
    )
    smaller.tie_weights()
    return smaller.eval(), before


def _rows_kept(tensor: torch.Tensor, kept: torch.Tensor, rows: int) -> torch.Tensor:
    """The entries ``kept`` of the axis that is the vocabulary: MobileBERT has a matrix whose second
    one is."""
    for axis, size in enumerate(tensor.shape):
        if size == rows:
            return tensor.index_select(axis, kept)
    return tensor


def _renumber(config: PretrainedConfig, kept: torch.Tensor) -> None:
    new = {int(old): number for number, old in enumerate(kept)}
    for name, value in list(vars(config).items()):
        if name.endswith("_token_id") and isinstance(value, int):
            setattr(config, name, new.get(value))
    config.vocab_size = len(kept)
