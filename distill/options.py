"""Options of a command as dataclasses: from its arguments, or from a YAML or JSON file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill import DistillError
from distill.recipe import TRAINING_DEFAULTS

CONFIG_SUFFIXES = (".json", ".yaml", ".yml")


def asks_for_help(given: Sequence[str]) -> bool:
    return bool({"-h", "--help"} & set(given))


def parse(given: Sequence[str], *kinds: Any) -> tuple[Any, ...]:
    """Dataclasses from options, or from the one YAML or JSON file that is named instead.

    Raises:
        DistillError: no such file, or one with keys that no option has.
    """
    from transformers import HfArgumentParser

    parser = HfArgumentParser(kinds)
    if len(given) != 1 or not given[0].endswith(CONFIG_SUFFIXES):
        return parser.parse_args_into_dataclasses(list(given))
    path = Path(given[0])
    if not path.is_file():
        raise DistillError(f"{path}: no such file")
    read = parser.parse_json_file if path.suffix == ".json" else parser.parse_yaml_file
    try:
        return read(str(path))
    except (ValueError, TypeError) as error:
        raise DistillError(f"{path}: {error}") from None


def print_help(kind: Any, description: str | None) -> None:
    """The options of ``kind``; those of `TrainingArguments` would have to load torch first."""
    from transformers.hf_argparser import HfArgumentParser

    defaults = ", ".join(f"--{name} {value}" for name, value in TRAINING_DEFAULTS.items())
    epilog = (
        "Besides these, every option of transformers.TrainingArguments (--output_dir, --max_steps, "
        f"--seed, ...), here with the reference's defaults: {defaults}; and --precision "
        "auto|float32|bf16, --early_stopping_patience N."
    )
    parser = HfArgumentParser(kind, description=description, epilog=epilog)
    parser.print_help()
