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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from export.bundle.compress import COMPRESSIONS
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import SPECIAL_TOKENS, fingerprint, lower_case, read_tokenizer
from export.encoder.task_model import input_names
from export.tasks.names import INPUTS, OUTPUTS, TASKS

SETTINGS = "model.json"
FORMAT_VERSION = 1
MAX_QUESTION_LENGTH = 64
DOC_STRIDE = 128
MAX_ANSWER_LENGTH = 30
MOST_TOKENS = 100_000
"""No encoder of this kind is as long; an input of a stated length must not be allocated unseen."""


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk; ``settings`` is the content of its model.json."""

    directory: Path
    package: Path
    settings: dict[str, Any]

    @property
    def task(self) -> str:
        return str(self.settings["task"])

    @property
    def lengths(self) -> list[int]:
        return [int(length) for length in self.settings["lengths"]]

    @property
    def tokenizer(self) -> Path:
        return self.directory / "tokenizer.json"


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle by its directory or by the ``.mlpackage`` inside it.

    Raises:
        UserError: nothing there, files are missing or broken, or the settings are not what an
            export writes; the app refuses the same.
    """
    path = Path(path)
    inside = path.suffix == ".mlpackage" and not (path / SETTINGS).is_file()
    directory = path.parent if inside else path
    if not path.exists():
        raise UserError(f"{path}: no such package")
    try:
        settings = json.loads((directory / SETTINGS).read_text(encoding="utf-8"))
        _check(settings)
        package = directory / Path(settings["package"]).name
    except FileNotFoundError:
        raise UserError(f"{directory}: no {SETTINGS} beside the package") from None
    except KeyError as error:
        raise UserError(f"{directory / SETTINGS}: broken (no {error})") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{directory / SETTINGS}: broken ({error})") from None
    if not package.is_dir():
        raise UserError(f"{package}: no such package")
    return Bundle(directory, package, settings)


def _check(settings: dict[str, Any]) -> None:
    """Raises ValueError, KeyError or TypeError where the content of a model.json cannot be used."""
    if settings["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format {settings['format_version']}; this kit reads {FORMAT_VERSION}")
    for name, known in (("task", tuple(TASKS)), ("quantization", tuple(COMPRESSIONS))):
        if settings[name] not in known:
            raise ValueError(f"{name} {settings[name]!r}; {', '.join(known)}")
    inputs, lengths = settings["inputs"], settings["lengths"]
    if not isinstance(inputs, list) or not inputs or not set(inputs) <= set(INPUTS):
        raise ValueError(f"inputs {inputs!r}; some of {', '.join(INPUTS)}")
    if not isinstance(lengths, list) or not lengths:
        raise ValueError(f"lengths {lengths!r}; a list of numbers")
    sizes = [settings[name] for name in ("max_question_length", "doc_stride", "max_answer_length")]
    for size in (*lengths, *sizes):
        if type(size) is not int or not 0 < size <= MOST_TOKENS:
            raise ValueError(f"a length or stride of {size!r}; numbers from 1 to {MOST_TOKENS}")


def directory_size(path: Path) -> int:
    """Bytes of all files below a directory."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def settings_of(
    checkpoint: Checkpoint,
    task: str,
    lengths: Sequence[int],
    *,
    quantize: str,
    layout: str,
    target: str,
) -> dict[str, Any]:
    """The content of model.json.

    Raises:
        UserError: the checkpoint has no usable tokenizer.
    """
    tokenizer = read_tokenizer(checkpoint)
    vocabulary = tokenizer["model"]["vocab"]
    return {
        "format_version": FORMAT_VERSION,
        "name": checkpoint.name,
        "package": f"{checkpoint.name}.mlpackage",
        "task": task,
        "lengths": list(lengths),
        "inputs": list(input_names(checkpoint.config, task)),
        "outputs": list(OUTPUTS[task]),
        "special_ids": {key: vocabulary[token] for key, token in SPECIAL_TOKENS.items()},
        "lower_case": lower_case(tokenizer),
        "max_question_length": MAX_QUESTION_LENGTH,
        "doc_stride": DOC_STRIDE,
        "max_answer_length": MAX_ANSWER_LENGTH,
        "labels": list(checkpoint.config.labels),
        "hidden_size": checkpoint.config.width,
        "quantization": quantize,
        "layout": layout,
        "target": target,
        "random_weights": checkpoint.random_weights,
        "tokenizer_sha256": fingerprint(tokenizer),
        "source": checkpoint.source or checkpoint.name,
    }


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


def describe(model: Any, checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
    """Put metadata and input and output descriptions on a ``coremltools`` MLModel."""
    label = " with RANDOM WEIGHTS" if checkpoint.random_weights else ""
    model.short_description = f"{checkpoint.name}, {settings['task']}{label}"
    model.author = "distilkit"
    model.license = licence(checkpoint)
    model.version = str(FORMAT_VERSION)
    for key in ("source", "task", "lengths", "quantization", "layout", "tokenizer_sha256"):
        model.user_defined_metadata[f"distilkit.{key}"] = str(settings[key])
    model.user_defined_metadata["distilkit.random_weights"] = str(checkpoint.random_weights)
    inputs = {
        "input_ids": "WordPiece ids, [CLS] first, padded to one of the lengths",
        "attention_mask": "1 for a token, 0 for padding",
        "token_type_ids": "0 in the first segment, 1 in the second",
    }
    outputs = {
        "start_logits": "score of each position as the first of the answer",
        "end_logits": "score of each position as the last of the answer",
        "logits": "score of each entry of the vocabulary, by position"
        if settings["task"] == "mlm"
        else "score of each class",
        "embedding": "sentence embedding of length 1",
    }
    for name in settings["inputs"]:
        model.input_description[name] = inputs[name]
    for name in settings["outputs"]:
        model.output_description[name] = outputs[name]


def write_bundle(
    model: Any, checkpoint: Checkpoint, settings: dict[str, Any], directory: Path
) -> Bundle:
    """Write the files of a bundle into an empty directory."""
    describe(model, checkpoint, settings)
    package = directory / settings["package"]
    model.save(str(package))
    tokenizer = read_tokenizer(checkpoint)
    by_id = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    (directory / "tokenizer.json").write_text(
        json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8"
    )
    (directory / "vocab.txt").write_text(
        "".join(f"{token}\n" for token, _ in by_id), encoding="utf-8"
    )
    (directory / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return Bundle(directory, package, settings)
