"""A bundle: the Core ML package with all that an app needs beside it.

    <bundle>/<name>.mlpackage   the model
    <bundle>/tokenizer.json     the fast tokenizer
    <bundle>/vocab.txt          its vocabulary, one entry a line
    <bundle>/model.json         task, lengths, special ids, lower-casing, labels

It is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import ExportError
from export.checkpoint import Checkpoint
from export.encoder import input_names, output_names

SETTINGS = "model.json"
FORMAT_VERSION = 1
SPECIAL_TOKENS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
MAX_QUESTION_LENGTH = 64
DOC_STRIDE = 128
MAX_ANSWER_LENGTH = 30


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
        ExportError: nothing there, or files are missing or broken.
    """
    path = Path(path)
    directory = path.parent if path.suffix == ".mlpackage" else path
    if not path.exists():
        raise ExportError(f"{path}: no such package")
    try:
        settings = json.loads((directory / SETTINGS).read_text(encoding="utf-8"))
        package = directory / Path(settings["package"]).name
        int(min(settings["lengths"])), str(settings["task"])
    except FileNotFoundError:
        raise ExportError(f"{directory}: no {SETTINGS} beside the package") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{directory / SETTINGS}: broken ({error!r})") from None
    if not package.is_dir():
        raise ExportError(f"{package}: no such package")
    return Bundle(directory, package, settings)


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
        ExportError: the checkpoint has no tokenizer, or one without BERT's special tokens.
    """
    tokenizer = read_tokenizer(checkpoint)
    vocabulary = tokenizer["model"]["vocab"]
    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if missing:
        raise ExportError(f"{checkpoint.name}: its tokenizer has no {missing[0]}")
    normalizer = tokenizer.get("normalizer") or {}
    text = json.dumps(tokenizer, sort_keys=True).encode()
    return {
        "format_version": FORMAT_VERSION,
        "name": checkpoint.name,
        "package": f"{checkpoint.name}.mlpackage",
        "task": task,
        "lengths": list(lengths),
        "inputs": list(input_names(checkpoint.config, task)),
        "outputs": list(output_names(task)),
        "special_ids": {key: vocabulary[token] for key, token in SPECIAL_TOKENS.items()},
        "lower_case": bool(normalizer.get("lowercase", False)),
        "max_question_length": MAX_QUESTION_LENGTH,
        "doc_stride": DOC_STRIDE,
        "max_answer_length": MAX_ANSWER_LENGTH,
        "labels": list(checkpoint.config.labels),
        "hidden_size": checkpoint.config.width,
        "quantization": quantize,
        "layout": layout,
        "target": target,
        "random_weights": checkpoint.random_weights,
        "tokenizer_sha256": hashlib.sha256(text).hexdigest(),
        "source": checkpoint.name,
    }


def read_tokenizer(checkpoint: Checkpoint) -> dict[str, Any]:
    """The content of the checkpoint's tokenizer.json, set to neither pad nor truncate.

    Raises:
        ExportError: there is none, or it is not a WordPiece tokenizer.
    """
    directory = checkpoint.tokenizer_directory
    path = directory / "tokenizer.json" if directory else None
    if path is None or not path.is_file():
        raise ExportError(f"{checkpoint.name}: no tokenizer.json beside the weights")
    try:
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        if tokenizer["model"]["type"] != "WordPiece":
            raise ExportError(f"{path}: a {tokenizer['model']['type']} tokenizer, not WordPiece")
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{path}: broken ({error!r})") from None
    tokenizer["padding"] = tokenizer["truncation"] = None
    return dict(tokenizer)


def describe(model: Any, checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
    """Put metadata and input and output descriptions on a ``coremltools`` MLModel."""
    label = " with RANDOM WEIGHTS" if checkpoint.random_weights else ""
    model.short_description = f"{checkpoint.name}, {settings['task']}{label}"
    model.author = "distilkit"
    model.license = "see the source checkpoint"
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
        "logits": "score of each class",
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
