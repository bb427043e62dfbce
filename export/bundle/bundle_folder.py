"""A bundle: the Core ML package with all that an app needs beside it.

    <bundle>/<name>.mlpackage   the model
    <bundle>/tokenizer.json     the fast tokenizer
    <bundle>/vocab.txt          its vocabulary, one entry a line
    <bundle>/model.json         task, lengths, special ids, lower-casing, labels

It is written whole or not at all.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.console.bounded_files import read_bounded
from distill.console.errors import UserError
from distill.console.inner_links import check_link, check_links
from distill.models.safe_tokenizer import read_tokenizer_file, tokenizer_in
from distill.models.vocabulary_file import write_vocabulary
from export.bundle.classifier import WORDS
from export.bundle.model_json import FORMAT_VERSION, read_settings
from export.bundle.own_files import BUNDLE_FILES, SETTINGS
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import (
    file_content,
    fingerprint,
    read_tokenizer,
    vocabulary_of,
)
from export.tasks.table import task_named
from export.tasks.task import AnyTask, Reading

if TYPE_CHECKING:
    from coremltools.models import MLModel


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk; ``settings`` is the content of its model.json."""

    directory: Path
    package: Path
    settings: dict[str, Any]

    @property
    def task(self) -> str:
        """The name of its task in `export.tasks.table.TASKS`."""
        return str(self.settings["task"])

    @property
    def lengths(self) -> list[int]:
        """The lengths in tokens that it takes, as model.json has them."""
        return [int(length) for length in self.settings["lengths"]]

    @property
    def functions(self) -> dict[str, str]:
        """Name of the package's function by length; empty where it has one function."""
        return dict(self.settings.get("functions", {}))

    def function(self, length: int) -> str | None:
        """The function of the package for inputs of ``length`` tokens; None for its only one.

        Raises:
            UserError: a package of functions has none for this length.
        """
        if self.functions and str(length) not in self.functions:
            raise UserError(
                f"{self.package}: no function for inputs of {length} tokens "
                f"(there are {', '.join(self.functions)})"
            )
        return self.functions.get(str(length))

    @property
    def tokenizer(self) -> Path:
        """The file tokenizer.json."""
        return self.directory / "tokenizer.json"

    @property
    def record(self) -> AnyTask:
        """The record of the bundle's task."""
        return task_named(self.task)

    @cached_property
    def tokenizer_content(self) -> bytes:
        """The bytes of tokenizer.json, read once: what is checked is what is used.

        Raises:
            UserError: the file is missing or too large.
        """
        return read_tokenizer_file(self.tokenizer)

    @cached_property
    def reading(self) -> Reading:
        """The bundle's tokenizer with its settings.

        Raises:
            UserError: no usable tokenizer.json, or not the one that the model was exported with.
        """
        tokenizer = tokenizer_in(self.tokenizer_content, self.tokenizer)
        version, known = self.settings["format_version"], self.settings.get("tokenizer_sha256")
        if version > 1 and known != fingerprint(self.tokenizer_content, version):
            raise UserError(
                f"{self.tokenizer}: not the file that the model was exported with "
                f"(tokenizer_sha256 in {SETTINGS}); export the model again"
            )
        return Reading(tokenizer, self.settings)


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle by its directory, or by the ``.mlpackage`` or ``.aimodel`` inside it.

    Raises:
        UserError: nothing there, files are missing or broken, or the settings are not what an
            export writes; the app refuses the same.
    """
    path = Path(path)
    inside = path.suffix in (".mlpackage", ".aimodel") and not (path / SETTINGS).is_file()
    directory = path.parent if inside else path
    if not path.exists():
        raise UserError(f"{path}: no such package")
    check_link(directory / SETTINGS, directory)
    try:
        settings = read_settings(read_bounded(directory / SETTINGS).decode("utf-8"))
        package = directory / Path(settings["package"]).name
        formats = settings.get("formats", {}).values()
        files = {package.name, *(Path(form["file"]).name for form in formats)}
    except FileNotFoundError:
        raise UserError(f"{directory}: no {SETTINGS} beside the package") from None
    except KeyError as error:
        raise UserError(f"{directory / SETTINGS}: broken (no {error})") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{directory / SETTINGS}: broken ({error})") from None
    for part in (directory / name for name in (*BUNDLE_FILES, *files)):
        check_link(part, directory)
        check_links(part)
    if not package.is_dir():
        raise UserError(f"{package}: no such package")
    return Bundle(directory, package, settings)


def directory_size(path: Path) -> int:
    """Bytes of all files below a directory."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def licence(checkpoint: Checkpoint) -> str:
    """The licence that the checkpoint's model card states in its front matter."""
    card = checkpoint.directory / "README.md" if checkpoint.directory else None
    if card is not None and card.is_file():
        front = card.read_text(encoding="utf-8", errors="replace").split("---")
        found = (
            re.search(r"^license:[ \t]*[\"']?([\w.+-]+)", front[1], re.M)
            if len(front) > 2
            else None
        )
        if found:
            return found.group(1)
    return "not stated; see the source checkpoint"


def describe(model: MLModel, checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
    """Put metadata and input and output descriptions on a ``coremltools`` MLModel."""
    label = " with RANDOM WEIGHTS" if checkpoint.random_weights else ""
    model.short_description = f"{checkpoint.name}, {settings['task']}{label}"
    model.author = "distilkit"
    model.license = licence(checkpoint)
    model.version = str(FORMAT_VERSION)
    for key in (
        "source",
        "task",
        "lengths",
        "shapes",
        "quantization",
        "layout",
        "tokenizer_sha256",
    ):
        model.user_defined_metadata[f"distilkit.{key}"] = str(settings[key])
    model.user_defined_metadata["distilkit.random_weights"] = str(checkpoint.random_weights)
    inputs = {
        "input_ids": "token ids with special tokens around them, padded to one of the lengths",
        "attention_mask": "1 for a token, 0 for padding",
        "token_type_ids": "0 in the first segment, 1 in the second",
    }
    task = task_named(settings["task"])
    words = inputs | WORDS | dict(zip(task.outputs, task.output_words, strict=True))
    description = model._spec.description
    for part in description.functions or [description]:
        for feature in (*part.input, *part.output):
            feature.shortDescription = words[feature.name]


def write_bundle(
    model: MLModel, checkpoint: Checkpoint, settings: dict[str, Any], directory: Path
) -> Bundle:
    """Write the files of a bundle into an empty directory."""
    describe(model, checkpoint, settings)
    package = directory / settings["package"]
    model.save(str(package))
    form = {"file": package.name, "bytes": directory_size(package), "minimum": settings["target"]}
    settings["formats"] = {"coreml": form}
    write_tokenizer(checkpoint, directory)
    write_settings(directory, settings)
    return Bundle(directory, package, settings)


def write_tokenizer(checkpoint: Checkpoint, directory: Path) -> None:
    """Write tokenizer.json of a bundle that is being made, and vocab.txt where it can be."""
    tokenizer = read_tokenizer(checkpoint)
    (directory / "tokenizer.json").write_bytes(file_content(tokenizer))
    write_vocabulary(directory, vocabulary_of(tokenizer))


def write_settings(directory: Path, settings: dict[str, Any]) -> None:
    """Write the model.json of a bundle that is being made. A check has a line of its own: with a
    line for each number the file would be four times as long."""
    text = json.dumps(settings | {"checks": []}, indent=2, ensure_ascii=False) + "\n"
    checks = ",\n".join(f"    {json.dumps(check)}" for check in settings["checks"])
    if checks:
        text = text.replace('"checks": []', f'"checks": [\n{checks}\n  ]')
    (directory / SETTINGS).write_text(text, encoding="utf-8")
