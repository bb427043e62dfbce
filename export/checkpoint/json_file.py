"""JSON files of a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from distill.console.bounded_files import read_bounded
from distill.console.errors import UserError


def read_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object.

    Raises:
        UserError: it is not JSON, or holds something else.
    """
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise UserError(f"{path}: not a configuration")
    return stored


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(read_bounded(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error})") from None
