"""A checkpoint as the model that its own configuration names, whatever task that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.errors import UserError
from distill.models.loading import configuration, load_weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def load_as_named(directory: Path, dtype: torch.dtype | str = "auto") -> PreTrainedModel:
    """The model of the class that ``architectures`` in config.json names, in the precision
    ``dtype`` (by default the checkpoint's own), every weight accounted for, for inference.

    Raises:
        UserError: no such class is known to `transformers`, or the weights are not its own.
    """
    import transformers

    names = configuration(directory).architectures or []
    kind = getattr(transformers, names[0], None) if len(names) == 1 else None
    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        raise UserError(
            f"{directory}: config.json does not name a class of transformers under architectures "
            f"(it has {', '.join(names) or 'none'})"
        )
    model = load_weights(kind, directory, trained=True, dtype=dtype)
    model.eval()
    return model
