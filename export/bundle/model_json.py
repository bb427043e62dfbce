"""The content of a bundle's model.json: what an app must know of a package, written and checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from distill.models.presets import PRESETS, preset_directory
from export.bundle.checks import read_checks
from export.bundle.compress import COMPRESSIONS
from export.bundle.functions import SHAPES, function_names
from export.bundle.settings_kinds import check_kinds
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import (
    file_content,
    fingerprint,
    lower_case,
    pair_separators,
    read_tokenizer,
    special_ids,
    tokenizer_kind,
)
from export.encoder.task_model import input_names
from export.tasks.model_inputs import INPUTS
from export.tasks.table import TASKS, task_named

FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)
MAX_QUESTION_LENGTH = 64
DOC_STRIDE = 128
MAX_ANSWER_LENGTH = 30
MOST_TOKENS = 100_000
"""No encoder of this kind is as long; an input of a stated length must not be allocated unseen."""
ACTIVATIONS = ("softmax", "sigmoid", "identity")
CHOICES: dict[str, tuple[object, ...]] = {
    "task": tuple(TASKS),
    "quantization": tuple(COMPRESSIONS),
    "shapes": tuple(SHAPES),
    "tokenizer": ("wordpiece", "bpe", "unigram"),
    "activation": (None, *ACTIVATIONS),
    "similarity": (None, "cosine", "dot"),
    "pair_separators": (1, 2),
}
VERSION_1: dict[str, Any] = {
    "functions": {},
    "pair_separators": 1,
    "tokenizer": "wordpiece",
    "no_answer_threshold": None,
    "labels": [],
    "problem_type": None,
    "activation": None,
    "pooling": None,
    "normalize": False,
    "similarity": None,
    "classifier": False,
    "special_ids": {},
    "checks": [],
}
"""What a file of version 1 means by what it does not say."""


def settings_of(
    checkpoint: Checkpoint,
    task: str,
    lengths: Sequence[int],
    *,
    quantize: str,
    layout: str,
    target: str,
    shapes: str,
    classifier: bool = False,
) -> dict[str, object]:
    """The content of model.json before the package is written; `write_bundle` adds its size.

    Args:
        classifier: the package gives a label and probabilities too, `export.bundle.classifier`.

    Raises:
        UserError: the checkpoint has no usable tokenizer, or an activation that is not known.
    """
    tokenizer, outputs = read_tokenizer(checkpoint), task_named(task).outputs
    modules = checkpoint.modules if "embedding" in outputs else None
    width = checkpoint.config.width
    return {
        "format_version": FORMAT_VERSION,
        "name": checkpoint.name,
        "package": f"{checkpoint.name}.mlpackage",
        "formats": {},
        "task": task,
        "lengths": list(lengths),
        "shapes": shapes,
        "functions": function_names(lengths, shapes),
        "inputs": list(input_names(checkpoint.config, task)),
        "outputs": list(outputs),
        "special_ids": special_ids(checkpoint),
        "pair_separators": pair_separators(tokenizer),
        "tokenizer": tokenizer_kind(tokenizer),
        "tokenizer_sha256": fingerprint(file_content(tokenizer), FORMAT_VERSION),
        "lower_case": lower_case(tokenizer),
        "max_question_length": MAX_QUESTION_LENGTH,
        "doc_stride": DOC_STRIDE,
        "max_answer_length": MAX_ANSWER_LENGTH,
        "no_answer_threshold": None,
        "labels": list(checkpoint.config.labels),
        **task_named(task).answers(checkpoint),
        "classifier": classifier,
        "pooling": list(modules.pooling) if modules else None,
        "normalize": bool(modules and modules.normalize),
        "similarity": modules.similarity if modules else None,
        "hidden_size": modules.width(width) if modules else width,
        "quantization": quantize,
        "layout": layout,
        "target": target,
        "random_weights": checkpoint.random_weights,
        "source": checkpoint.source or checkpoint.name,
        "source_path": _folder(checkpoint),
        "checks": [],
    }


def _folder(checkpoint: Checkpoint) -> str:
    """The folder that was named, for a later comparison; empty for a preset, whose name says it."""
    folder = checkpoint.root or checkpoint.directory
    preset = preset_directory(checkpoint.source) if checkpoint.source in PRESETS else None
    if folder is None or (preset and folder.resolve() == preset.resolve()):
        return ""
    return str(folder.resolve())


def read_settings(content: str) -> dict[str, Any]:
    """The checked content of a model.json, with every key of the newest version.

    Raises:
        ValueError, KeyError, TypeError: it cannot be used.
    """
    settings = json.loads(content)
    if settings["format_version"] not in READABLE_VERSIONS:
        readable = " and ".join(map(str, READABLE_VERSIONS))
        raise ValueError(f"format {settings['format_version']}; this kit reads {readable}")
    check_kinds(settings)
    _check_version_1(settings)
    shapes = "fixed" if len(settings["lengths"]) == 1 else "enumerated"
    complete: dict[str, Any] = VERSION_1 | {"shapes": shapes} | settings
    for name, known in CHOICES.items():
        if complete[name] not in known:
            raise ValueError(f"{name} {complete[name]!r} (expected {_listed(known)})")
    outputs = TASKS[complete["task"]].outputs
    if complete.setdefault("outputs", list(outputs)) != list(outputs):
        raise ValueError(f"outputs {complete['outputs']!r} (expected {_listed(outputs)})")
    functions = complete["functions"]
    if not isinstance(functions, dict) or not all(
        key.isdigit() and isinstance(value, str) for key, value in functions.items()
    ):
        raise ValueError(f"functions {functions!r} (expected names by length)")
    if functions and set(functions) != set(map(str, complete["lengths"])):
        raise ValueError(f"functions of {_listed(tuple(functions))} (expected each of the lengths)")
    read_checks(complete)
    formats = complete.get("weights", {})
    if not isinstance(formats, dict) or not {*formats.values()} <= {*COMPRESSIONS}:
        raise ValueError("weights: an unknown quantization")
    return complete


def _check_version_1(settings: dict[str, object]) -> None:
    inputs, lengths = settings["inputs"], settings["lengths"]
    if not isinstance(inputs, list) or not inputs or not set(inputs) <= set(INPUTS):
        raise ValueError(f"inputs {inputs!r} (expected some of {_listed(INPUTS)})")
    if not isinstance(lengths, list) or not lengths:
        raise ValueError(f"lengths {lengths!r} (expected a list of numbers)")
    sizes = [settings[name] for name in ("max_question_length", "doc_stride", "max_answer_length")]
    for size in (*lengths, *sizes):
        if type(size) is not int or not 0 < size <= MOST_TOKENS:
            raise ValueError(f"a length or stride of {size!r} (expected 1 to {MOST_TOKENS})")


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names))
