"""The content of a bundle's model.json: what an app must know of a package, written and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.console.errors import UserError
from distill.models.presets import PRESETS, preset_directory
from export.bundle.checks import read_checks
from export.bundle.compress import COMPRESSIONS
from export.bundle.functions import SHAPES, function_names
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
from export.tasks.names import INPUTS
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
    "special_ids": {},
    "checks": [],
}
"""What a file of version 1 means by what it does not say."""
PROBLEM_ACTIVATIONS = {
    "single_label_classification": "softmax",
    "multi_label_classification": "sigmoid",
    "regression": "identity",
}


def settings_of(
    checkpoint: Checkpoint,
    task: str,
    lengths: Sequence[int],
    *,
    quantize: str,
    layout: str,
    target: str,
    shapes: str,
) -> dict[str, Any]:
    """The content of model.json before the package is written; `write_bundle` adds its size.

    Raises:
        UserError: the checkpoint has no usable tokenizer, or its labels are not numbered 0, 1, …
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
        **answers_of(checkpoint, task),
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


def answers_of(checkpoint: Checkpoint, task: str) -> dict[str, Any]:
    """``labels``, ``problem_type`` and ``activation``: how logits are read, as the libraries that
    made the checkpoint read them.

    Raises:
        UserError: labels that are not numbered 0, 1, …, or an activation that is not known.
    """
    config = _stored_config(checkpoint)
    labels, problem, activation = list(checkpoint.config.labels), None, None
    if task_named(task).labelled:
        numbers = sorted(int(key) for key in config.get("id2label") or range(len(labels)))
        if numbers != list(range(len(numbers))):
            raise UserError(
                f"{checkpoint.name}: id2label has the numbers {numbers} (expected "
                f"{list(range(len(numbers)))})"
            )
    if task == "classify":
        problem = config.get("problem_type") or _problem_type(len(labels))
        if problem not in PROBLEM_ACTIVATIONS:
            raise UserError(
                f"{checkpoint.name}: unknown problem_type {problem!r} "
                f"(expected {', '.join(PROBLEM_ACTIVATIONS)})"
            )
        activation = PROBLEM_ACTIVATIONS[problem]
    if task == "rank":
        activation = cross_encoder_activation(config, checkpoint.name)
    return {"labels": labels, "problem_type": problem, "activation": activation}


def cross_encoder_activation(config: Mapping[str, Any], name: str) -> str:
    """The activation that `sentence_transformers.CrossEncoder` applies to one logit: that of the
    configuration, else a sigmoid.

    Raises:
        UserError: an activation that is not known.
    """
    nested = config.get("sentence_transformers") or {}
    named = nested.get("activation_fn") or config.get("sbert_ce_default_activation_function")
    known = {"Identity": "identity", "Sigmoid": "sigmoid"}
    last = str(named or "Sigmoid").rpartition(".")[2]
    if last not in known:
        raise UserError(f"{name}: unknown activation {named!r} (expected {', '.join(known)})")
    return known[last]


def _folder(checkpoint: Checkpoint) -> str:
    """The folder that was named, for a later comparison; empty for a preset, whose name says it."""
    folder = checkpoint.root or checkpoint.directory
    preset = preset_directory(checkpoint.source) if checkpoint.source in PRESETS else None
    if folder is None or (preset and folder.resolve() == preset.resolve()):
        return ""
    return str(folder.resolve())


def _problem_type(labels: int) -> str:
    """What `transformers` takes when a configuration does not say it."""
    return "regression" if labels == 1 else "single_label_classification"


def _stored_config(checkpoint: Checkpoint) -> dict[str, Any]:
    path = (checkpoint.directory or Path()) / "config.json"
    if checkpoint.directory is None or not path.is_file():
        return {}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def read_settings(content: str) -> dict[str, Any]:
    """The checked content of a model.json, with every key of the newest version.

    Raises:
        ValueError, KeyError, TypeError: it cannot be used.
    """
    settings = json.loads(content)
    if settings["format_version"] not in READABLE_VERSIONS:
        readable = " and ".join(map(str, READABLE_VERSIONS))
        raise ValueError(f"format {settings['format_version']}; this kit reads {readable}")
    _check_version_1(settings)
    task = task_named_or_value_error(settings["task"])
    defaults = VERSION_1 | {
        "outputs": list(task.outputs),
        "shapes": "fixed" if len(settings["lengths"]) == 1 else "enumerated",
    }
    complete: dict[str, Any] = defaults | settings
    for name, known in CHOICES.items():
        if complete[name] not in known:
            raise ValueError(f"{name} {complete[name]!r} (expected {_listed(known)})")
    if complete["outputs"] != list(task.outputs):
        raise ValueError(f"outputs {complete['outputs']!r} (expected {_listed(task.outputs)})")
    functions = complete["functions"]
    if not isinstance(functions, dict) or not all(
        key.isdigit() and isinstance(value, str) for key, value in functions.items()
    ):
        raise ValueError(f"functions {functions!r} (expected names by length)")
    if functions and set(functions) != set(map(str, complete["lengths"])):
        raise ValueError(f"functions of {_listed(tuple(functions))} (expected each of the lengths)")
    read_checks(complete)
    threshold = complete["no_answer_threshold"]
    if threshold is not None and type(threshold) not in (int, float):
        raise ValueError(f"no_answer_threshold {threshold!r} (expected null or a number)")
    return complete


def task_named_or_value_error(name: object) -> Any:
    """The record of a task.

    Raises:
        ValueError: no such task.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise ValueError(f"task {name!r} (expected {_listed(tuple(TASKS))})")
    return TASKS[name]


def _check_version_1(settings: dict[str, Any]) -> None:
    if settings["quantization"] not in COMPRESSIONS:
        raise ValueError(
            f"quantization {settings['quantization']!r} (expected {_listed(tuple(COMPRESSIONS))})"
        )
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
