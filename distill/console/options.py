"""Options of a command as dataclasses: from its arguments, and from YAML or JSON files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

from distill.console.command_parser import unknown_option
from distill.console.errors import UserError
from distill.console.help_text import HelpText
from distill.console.named_files import check_named_files
from distill.console.option_files import SUFFIXES, as_command_line, read_option_file


@dataclass(kw_only=True)
class JsonOptions:
    """What is done with a result, besides a table of it."""

    json: bool = field(default=False, metadata={"help": "print the result as JSON"})
    save_json: str | None = field(default=None, metadata={"help": "keep the result as JSON"})


def options_given(
    argv: Sequence[str] | None, kinds: Any, description: str | None, training: str = ""
) -> list[str]:
    """The options of a command, from ``argv`` or the command line. ``--help`` among them prints
    those of ``kinds``, dataclasses, and the text on those of ``training``, and exits with 0:
    `TrainingArguments` itself would have to load torch first."""
    words = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(words):
        from transformers.hf_argparser import HfArgumentParser

        HfArgumentParser(
            kinds,
            prog=f"python -m distill.{Path(sys.argv[0]).stem}",
            description=description,
            epilog=training,
            formatter_class=HelpText,
        ).print_help()
        sys.exit(0)
    return words


def parse(words: Sequence[str], *kinds: Any) -> tuple[Any, ...]:
    """Dataclasses from options; files of options may stand first, and what comes later overrides.

    Raises:
        UserError: an unknown option or an invalid value; a file that cannot be read.
    """
    from transformers import HfArgumentParser

    class OneLineErrors(HfArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UserError(f"{message} (--help lists the options)")

    parser = OneLineErrors(kinds, allow_abbrev=False)
    known = parser._option_string_actions
    read, options = _read(words)
    for path, name, _ in read:
        if f"--{name}" not in known:
            raise UserError(f"{path}: {unknown_option(name, known)}")
    line = [*_words(read), *options]
    values, unknown = parser.parse_known_args(line)
    if unknown:
        raise UserError(unknown_option(unknown[0].partition("=")[0], known))
    check_named_files(values)
    try:
        return tuple(parser.parse_dict(vars(values)))
    except ValueError as error:  # of TrainingArguments, about options that do not go together
        raise UserError(str(error)) from None


def expanded(words: Sequence[str]) -> list[str]:
    """Options with those of the files that stand first written out before them.

    Raises:
        UserError: a file cannot be read.
    """
    read, options = _read(words)
    return [*_words(read), *options]


def _read(words: Sequence[str]) -> tuple[list[tuple[Path, str, object]], list[str]]:
    """The options of the files that stand first, with their file; and the rest of the line."""
    files = [Path(word) for word in takewhile(lambda word: word.endswith(SUFFIXES), words)]
    read = [(path, *option) for path in files for option in read_option_file(path).items()]
    return read, list(words[len(files) :])


def _words(read: Iterable[tuple[Path, str, object]]) -> list[str]:
    return [word for _, name, value in read for word in as_command_line(name, value)]


PLAIN_TRAINING = (
    "Besides these, every option of transformers.TrainingArguments (--out, which it calls "
    "--output_dir, --max_steps, --learning_rate, --num_train_epochs, --seed, ...). YAML or JSON "
    "files of options may stand first; what comes later overrides."
)
