"""Options from YAML and JSON files, as they would stand on the command line.

# student.yaml: python -m distill.finetune student.yaml --max_steps 500
task: squad
model: runs/start
learning_rate: 3e-4
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from distill.console.bounded_files import read_bounded
from distill.console.errors import UserError

SUFFIXES = (".json", ".yaml", ".yml")


def read_option_file(path: Path) -> dict[str, object]:
    """The options that a file names, each with its value.

    Raises:
        UserError: the file cannot be read, names an option twice, or holds something else than
            options.
    """
    try:
        text = read_bounded(path).decode("utf-8")
        options = _json(text) if path.suffix == ".json" else _yaml(text)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except RecursionError:
        raise UserError(f"{path}: a file of options cannot be nested so deep") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise UserError(f"{path}: expected options, one a line, such as max_steps: 500")
    return options


def as_command_line(name: str, value: object) -> list[str]:
    """One option of a file in words of the command line, so that both are checked alike (YAML, for
    one, reads 5e-4 as text); an option without a value is left out."""
    if value is None or value == []:
        return []
    if isinstance(value, list):
        return [f"--{name}", *map(str, value)]
    return [f"--{name}={json.dumps(value) if isinstance(value, dict) else value}"]


def _json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)} is named twice")
    return read


def _yaml(text: str) -> object:
    """YAML without what a file of options does not need: an alias could multiply without end, and
    a key that stands twice would lose its first value."""
    import yaml

    class OptionLoader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: object, index: object) -> object:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("aliases (*name) are not read in a file of options")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, object]:
            names = [key.value for key, _ in node.value]
            for name in names:
                if isinstance(name, str) and names.count(name) > 1:
                    raise ValueError(f"{name} is named twice")
            mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return mapping

    try:
        return yaml.load(text, OptionLoader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
