"""Options of a command as dataclasses: from its arguments, or from a YAML or JSON file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from distill import DistillError
from distill.recipe import TRAINING_DEFAULTS

CONFIG_SUFFIXES = (".json", ".yaml", ".yml")


def asks_for_help(given: Sequence[str]) -> bool:
    return bool({"-h", "--help"} & set(given))


def parse(given: Sequence[str], *kinds: Any) -> tuple[Any, ...]:
    """Dataclasses from options, or from the one YAML or JSON file that is named instead.

    Raises:
        DistillError: no such option, or a value that is none of it; no such file, or one with keys
            that no option has.
    """
    from transformers import HfArgumentParser

    class OneLineErrors(HfArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise DistillError(f"{message} (--help lists the options)")

    parser = OneLineErrors(kinds)
    if len(given) != 1 or not given[0].endswith(CONFIG_SUFFIXES):
        try:
            *found, unknown = parser.parse_args_into_dataclasses(
                list(given), return_remaining_strings=True
            )
        except ValueError as error:  # of TrainingArguments, about options that do not go together
            raise DistillError(str(error)) from None
        if unknown:
            parser.error(f"there is no option {unknown[0]}")
        return tuple(found)
    path = Path(given[0])
    if not path.is_file():
        raise DistillError(f"{path}: no such file")
    read = parser.parse_json_file if path.suffix == ".json" else parser.parse_yaml_file
    try:
        return read(str(path))
    except (ValueError, TypeError) as error:
        raise DistillError(f"{path}: {error}") from None


def print_help(kinds: Any, description: str | None, training: str = "") -> None:
    """The options of ``kinds``, dataclasses, and the text on those of ``training``:
    `TrainingArguments` itself would have to load torch first."""
    from transformers.hf_argparser import HfArgumentParser

    HfArgumentParser(kinds, description=description, epilog=training).print_help()


PLAIN_TRAINING = (
    "Besides these, every option of transformers.TrainingArguments (--output_dir, --max_steps, "
    "--learning_rate, --num_train_epochs, --seed, ...); or one YAML or JSON file of options."
)
REFERENCE_TRAINING = (
    "Besides these, every option of transformers.TrainingArguments (--output_dir, --max_steps, "
    "--seed, ...), here with the reference's defaults: "
    + ", ".join(f"--{name} {value}" for name, value in TRAINING_DEFAULTS.items())
    + "; and --precision auto|float32|bf16, --early_stopping_patience N; or one YAML or JSON file "
    "of options."
)
