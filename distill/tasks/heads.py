"""Models with a head whose outputs have names: the names are compared, never their number alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from distill.console.errors import UserError, note
from distill.models.loading import configuration, load_reporting, note_drawn
from distill.tasks.label_keys import label_key
from distill.tasks.task import Labels

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from distill.models.loading import ModelClass


def label_names(config: PretrainedConfig) -> tuple[str, ...] | None:
    """The names in a configuration; None for LABEL_0 and so on, which say nothing."""
    names = _names(config)
    return None if all(n == f"LABEL_{i}" for i, n in enumerate(names)) else names


def _names(config: PretrainedConfig) -> tuple[str, ...]:
    """The names of all outputs, in order."""
    by_number: dict[Any, str] = dict(config.id2label or {})
    return tuple(str(by_number[number]) for number in range(len(by_number)))


def order_of(names: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Where each of ``wanted`` is among ``names``, compared by `label_key`; None if they differ."""
    keys = [label_key(name) for name in names]
    try:
        order = [keys.index(label_key(name)) for name in wanted]
    except ValueError:
        return None
    return order if len(set(order)) == len(keys) else None


def load_named(
    kind: ModelClass,
    directory: Path,
    labels: Labels,
    task: str,
    dropout: float | None = None,
    trained: bool = False,
    **options: Any,
) -> PreTrainedModel:
    """A model whose outputs are ``labels``, in that order.

    A head with the same names in another order is reordered; one with other names is refused
    where it is to be ``trained``, and else drawn at random, with a note. Whether there is a head
    the weights say: a config.json need not name its architecture.

    Raises:
        UserError: the checkpoint cannot be loaded, or its trained head is another task's.
    """
    config = configuration(directory, dropout)
    outputs, stored = int(config.num_labels or 0), label_names(config)
    if trained and outputs != labels.outputs:
        raise UserError(
            f"{directory}: its head has {outputs} outputs, {task} has {labels.outputs}; "
            "fine-tune it on the task first"
        )
    if trained and config.problem_type and labels.problem_type not in ("", config.problem_type):
        raise UserError(
            f"{directory}: its head is for {config.problem_type}, {task} is "
            f"{labels.problem_type}; fine-tune it on the task first"
        )
    order = list(range(labels.outputs))
    foreign = False
    if labels.names and stored:
        known = order_of(stored, labels.names)
        foreign = known is None
        order = order if known is None else known
    if trained and foreign:
        raise UserError(
            f"{directory}: its labels are {', '.join(stored or ())}, those of {task} are "
            f"{', '.join(labels.names)}; fine-tune it on the task first"
        )
    _name(config, labels)
    model, drawn = load_reporting(kind, directory, trained=trained, config=config, **options)
    name, last = _last_layer(model, labels.outputs)
    if f"{name}.weight" in drawn:
        note_drawn(model, directory, drawn)
        return model
    if labels.names and stored is None:
        note(f"{directory}: its labels have no names; taken in the order {', '.join(labels.names)}")
    if foreign:
        note(f"{directory}: its head is for {', '.join(stored or ())}; a new one is drawn")
        fresh: PreTrainedModel = kind.from_config(config, **options).float()
        fresh.base_model.load_state_dict(model.base_model.state_dict())
        return fresh
    if order != sorted(order):
        note(f"{directory}: its labels are in another order; its head is reordered")
        with torch.no_grad():
            for weight in last.parameters():
                weight.copy_(weight[order])
    return model


def _name(config: PretrainedConfig, labels: Labels) -> None:
    config.num_labels = labels.outputs
    config.problem_type = labels.problem_type or None  # type: ignore[assignment]
    if labels.names:
        config.id2label = dict(enumerate(labels.names))
        config.label2id = {name: number for number, name in enumerate(labels.names)}


def _last_layer(model: PreTrainedModel, outputs: int) -> tuple[str, torch.nn.Linear]:
    """The matrix that gives the outputs, and its name."""
    inside = {id(module) for module in model.base_model.modules()}
    outside = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and id(module) not in inside
        and module.out_features == outputs
    ]
    return outside[-1]


def labels_of(config: PretrainedConfig) -> Labels:
    """The label table of a checkpoint's configuration."""
    outputs = int(config.num_labels or 0)
    problem = config.problem_type or (
        "regression" if outputs == 1 else "single_label_classification"
    )
    names = () if problem == "regression" else _names(config)
    return Labels(names, problem)
