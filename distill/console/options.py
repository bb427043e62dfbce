"""Options of a command as dataclasses: from its arguments, or from a YAML or JSON file."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from distill.console.errors import UserError

CONFIG_SUFFIXES = (".json", ".yaml", ".yml")
HELP_WIDTH = 98


class Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """The description line by line as it is written, and those defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, "", []):
            return action.help
        return super()._get_help_string(action)


def options_given(
    argv: Sequence[str] | None, kinds: Any, description: str | None, training: str = ""
) -> list[str]:
    """The options of a command, from ``argv`` or the command line. ``--help`` among them prints
    those of ``kinds``, dataclasses, and the text on those of ``training``, and exits with 0:
    `TrainingArguments` itself would have to load torch first."""
    given = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(given):
        from transformers.hf_argparser import HfArgumentParser

        HfArgumentParser(
            kinds,
            prog=f"python -m distill.{Path(sys.argv[0]).stem}",
            description=description,
            epilog=textwrap.fill(training, HELP_WIDTH),
            formatter_class=Help,
        ).print_help()
        sys.exit(0)
    return given


def parse(given: Sequence[str], *kinds: Any) -> tuple[Any, ...]:
    """Dataclasses from options, or from the one YAML or JSON file that is named instead.

    Raises:
        UserError: no such option, or a value that is none of it; a file that cannot be read.
    """
    from transformers import HfArgumentParser

    class OneLineErrors(HfArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UserError(f"{message} (--help lists the options)")

    parser = OneLineErrors(kinds)
    options = expanded(given)
    _, unknown = parser.parse_known_args(options)
    if unknown:
        parser.error(f"there is no option {unknown[0].partition('=')[0]}")
    try:
        return tuple(parser.parse_args_into_dataclasses(options))
    except ValueError as error:  # of TrainingArguments, about options that do not go together
        raise UserError(str(error)) from None


def expanded(given: Sequence[str]) -> list[str]:
    """Options as they are given, or those of the one file that is.

    Raises:
        UserError: the file cannot be read.
    """
    from_file = len(given) == 1 and given[0].endswith(CONFIG_SUFFIXES)
    return _options_in(Path(given[0])) if from_file else list(given)


def _options_in(path: Path) -> list[str]:
    """The options of a file as on the command line, so that both are checked alike (YAML, for one,
    takes 5e-4 for a text)."""
    import yaml

    try:
        read = json.loads if path.suffix == ".json" else yaml.safe_load
        options = read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(options, dict):
        raise UserError(f"{path}: holds no options, which are lines such as max_steps: 500")
    line: list[str] = []
    for name, value in options.items():
        if isinstance(value, list):
            line += [f"--{name}", *map(str, value)] if value else []
        elif value is not None:
            line.append(f"--{name}={json.dumps(value) if isinstance(value, dict) else value}")
    return line


PLAIN_TRAINING = (
    "Besides these, every option of transformers.TrainingArguments (--output_dir, --max_steps, "
    "--learning_rate, --num_train_epochs, --seed, ...); or one YAML or JSON file of options."
)
