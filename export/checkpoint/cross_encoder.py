"""What `CrossEncoder` of `sentence-transformers` writes beside an encoder with a head: that it is
one, and what it does to its score."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.console.bounded_files import read_object
from distill.console.errors import UserError

KIND = "CrossEncoder"
SETTINGS = "config_sentence_transformers.json"
NESTED = "sentence_transformers"
"""The entry of config.json that versions 4 and 5 wrote."""
OLDEST = "sbert_ce_default_activation_function"
"""The entry of config.json that versions before 4 wrote."""
TRUSTED = "torch."
"""Of another module the library takes no activation, unless it may run code of the folder."""
ACTIVATIONS = {"Identity": "identity", "Sigmoid": "sigmoid"}


def is_cross_encoder(root: Path | None, config: Mapping[str, Any]) -> bool:
    """Whether a `CrossEncoder` wrote the folder; ``config`` is the content of config.json."""
    if root is not None and (root / "modules.json").is_file():
        return _settings(root).get("model_type") == KIND
    return OLDEST in config or "activation_fn" in (config.get(NESTED) or {})


def score_activation(root: Path | None, config: Mapping[str, Any], rows: int, name: str) -> str:
    """``identity`` or ``sigmoid``: what the library does to the logits of a head of ``rows``, as
    the folder says; where it does not, a sigmoid for one row and nothing for several.

    Raises:
        UserError: an activation that is not known.
    """
    settings = _settings(root) if root is not None and (root / "modules.json").is_file() else {}
    stated = (
        settings.get("activation_fn"),
        (config.get(NESTED) or {}).get("activation_fn"),
        config.get(OLDEST),
    )
    path = next((str(each) for each in stated if each is not None), "")
    if not path:
        return "sigmoid" if rows == 1 else "identity"
    last = path.rpartition(".")[2].removesuffix("()")
    if not path.startswith(TRUSTED) or last not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise UserError(f"{name}: unknown activation_fn {path!r} (expected {known} of PyTorch)")
    return ACTIVATIONS[last]


def _settings(root: Path) -> dict[str, Any]:
    path = root / SETTINGS
    return read_object(path) if path.is_file() else {}
