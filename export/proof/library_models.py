"""Models of `transformers` and `sentence-transformers`, loaded from a folder with every stored
weight accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from distill.console.errors import UserError
from distill.console.progress import quiet
from distill.models.presets import PRESETS
from export.checkpoint.reading import Checkpoint
from export.checkpoint.weight_files import wrapped, wrapper_of
from export.tasks.table import TASKS, task_named, tasks_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BROKEN = (ValueError, RuntimeError, OSError, LookupError, TypeError, ImportError, AttributeError)
POOLER = "pooler"
HEADLESS = {name for name, task in TASKS.items() if task.architecture == "Model"}
"""Tasks that read hidden states: the pooler of their checkpoint may be missing."""


def load_model(checkpoint: Checkpoint, task: str) -> tuple[nn.Module, tuple[str, ...]]:
    """The model of `transformers` for a task, and the stored weights that it has no use for: heads
    of other tasks and poolers.

    Raises:
        UserError: the library cannot load the folder, a weight is missing or has another shape than
            the configuration says, or one inside the encoder is used by nothing.
    """
    import transformers

    auto = getattr(transformers, task_named(task).auto_class)
    try:
        with quiet():
            model, info = auto.from_pretrained(
                checkpoint.directory,
                output_loading_info=True,
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # they are reported below, by name
                dtype=torch.float32,
            )
    except BROKEN as error:
        raise UserError(
            f"{checkpoint.name}: transformers cannot load it ({_reason(error)})"
        ) from None
    unread = _check_keys(model, info, checkpoint.name, task)
    named = tasks_of(model.config.architectures or [])
    if named and task not in named and task not in HEADLESS and HEADLESS.isdisjoint(named):
        raise UserError(
            f"{checkpoint.name}: made for {named[0]} ({model.config.architectures[0]}), "
            f"not for {task}"
        )
    return evaluated(model), unread


def _check_keys(
    model: PreTrainedModel, info: Mapping[str, Any], name: str, task: str
) -> tuple[str, ...]:
    may_miss = (POOLER,) if task in HEADLESS else ()
    missing = [key for key in info["missing_keys"] if not any(part in key for part in may_miss)]
    wrapper = wrapper_of(info["unexpected_keys"], min(missing)) if missing else None
    if wrapper:
        raise UserError(wrapped(name, wrapper))
    if missing:
        raise UserError(f"{name}: the checkpoint has no {min(missing)}; is it made for {task}?")
    for key, stored, expected in info.get("mismatched_keys", ()):
        raise UserError(f"{name}: {key} is {tuple(stored)}, but config.json says {tuple(expected)}")
    parts = {part for part, _ in model.base_model.named_children()} - {POOLER}
    prefix = f"{model.base_model_prefix}."
    unexpected = sorted(info["unexpected_keys"])
    inside = [key for key in unexpected if key.removeprefix(prefix).split(".")[0] in parts]
    if inside:
        raise UserError(
            f"{name}: transformers has no use for {inside[0]}"
            + (f" and {len(inside) - 1} more" if inside[1:] else "")
            + ", weights inside the encoder"
        )
    return tuple(unexpected)


def draw_model(checkpoint: Checkpoint, task: str) -> nn.Module:
    """A model with the weights that `transformers` draws from the checkpoint's seed."""
    import transformers

    if checkpoint.directory is None:
        stored = dict(PRESETS[checkpoint.name].config)
        config = transformers.AutoConfig.for_model(stored.pop("model_type"), **stored)
    else:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(
                checkpoint.directory, trust_remote_code=False
            )
    if (rows := task_named(task).rows) is not None:
        config.num_labels = rows
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(checkpoint.seed)
        auto = getattr(transformers, task_named(task).auto_class)
        return evaluated(auto.from_config(config, trust_remote_code=False, dtype=torch.float32))


def load_sentence_model(kind: str, root: Path) -> nn.Module:
    """A model of `sentence-transformers`; ``kind``: the name of its class.

    Raises:
        UserError: the library cannot load the folder.
    """
    import sentence_transformers

    try:
        with quiet():
            model = getattr(sentence_transformers, kind)(
                str(root), device="cpu", trust_remote_code=False, local_files_only=True
            )
    except BROKEN as error:
        raise UserError(
            f"{root}: sentence-transformers cannot load it ({_reason(error)})"
        ) from None
    return evaluated(model.float())


def load_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """The tokenizer that `transformers` makes of a folder.

    Raises:
        UserError: it cannot make one.
    """
    from transformers import AutoTokenizer

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                directory, trust_remote_code=False, local_files_only=True
            )
    except BROKEN as error:
        reason = _reason(error)
        raise UserError(f"{directory}: transformers has no tokenizer for it ({reason})") from None


def evaluated(model: torch.nn.Module) -> torch.nn.Module:
    """In evaluation mode, without gradients."""
    return model.eval().requires_grad_(False)


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
