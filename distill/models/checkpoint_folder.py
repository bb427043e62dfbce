"""Where a checkpoint is, and what its configuration allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from distill.models.presets import PRESETS, preset_directory

# Families that number positions from one after the padding token's id.
POSITIONS_AFTER_PADDING = (
    "roberta",
    "xlm-roberta",
    "camembert",
    "mpnet",
    "longformer",
    "data2vec-text",
)


def checkpoint_directory(model: str) -> Path:
    """The directory of a preset's weights, or ``model`` itself as a directory.

    Raises:
        UserError: there is no such checkpoint here.
    """
    directory = preset_directory(model) if model in PRESETS else Path(model)
    if directory is None:
        raise UserError(f"the weights of {model} are not on this machine; name a directory")
    if not (directory / "config.json").is_file():
        raise UserError(f"{directory}: no checkpoint there (config.json is missing)")
    return directory


def read_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object.

    Raises:
        UserError: it holds none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: damaged, no JSON ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: damaged, no JSON object")
    return content


def check_length(directory: Path, length: int) -> None:
    """Check that the position table of a checkpoint has room for inputs of ``length`` tokens.

    Raises:
        UserError: it has not.
    """
    config = read_object(directory / "config.json")
    limit = config.get("max_position_embeddings")
    if limit is None:
        return
    if config.get("model_type") in POSITIONS_AFTER_PADDING:
        limit -= config.get("pad_token_id", 1) + 1
    if length > limit:
        raise UserError(f"{directory} takes inputs of at most {limit} tokens, not {length}")
