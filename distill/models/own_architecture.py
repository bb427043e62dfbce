"""A checkpoint as the model that its own configuration names, whatever task that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from distill.models.loading import configuration, load_weights


def load_as_named(directory: Path) -> Any:
    """The model of the class that ``architectures`` in config.json names, in the checkpoint's own
    precision, every weight accounted for, for inference.

    Raises:
        UserError: no such class is known to `transformers`, or the weights are not its own.
    """
    import transformers

    names = configuration(directory).architectures or []
    kind = getattr(transformers, names[0], None) if len(names) == 1 else None
    if kind is None or not hasattr(kind, "from_pretrained"):
        raise UserError(
            f"{directory}: config.json does not name an architecture of transformers: {names}"
        )
    return load_weights(kind, directory, trained=True, dtype="auto").eval()
