"""The task of an export: the one asked for, else the one that the checkpoint is made for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.console.bounded_files import read_object
from distill.console.errors import UserError
from distill.models.checkpoint_folder import config_file
from distill.models.presets import PRESETS
from export.checkpoint.cross_encoder import KIND, is_cross_encoder
from export.checkpoint.reading import checkpoint_root
from export.checkpoint.sentence_modules import transformer_folder
from export.tasks.table import TASKS, tasks_of

SENTENCE_MODULES = "modules.json"


def asked_task(model: str, named: str | None) -> str:
    """The task that ``named`` says, or that the checkpoint's own files say.

    A folder of `sentence-transformers` embeds, or ranks where it is a `CrossEncoder` of one score;
    of the others ``architectures`` in config.json decides, a classifier of sentences before a
    reranker. A preset has a task of its own.

    Args:
        model: preset, folder or hub id.
        named: the value of ``--task``.

    Raises:
        UserError: there is no such checkpoint, or its files do not say what it is made for, or they
            say something else than ``named``.
    """
    if model in PRESETS:
        return named or PRESETS[model].default_task
    root = checkpoint_root(model)
    assert root is not None
    if (root / SENTENCE_MODULES).is_file() and not is_cross_encoder(root, {}):
        return named or "embed"
    config, architectures = _stored(transformer_folder(root))
    cross_encoder = is_cross_encoder(root, config)
    made_for = _tasks_of_cross_encoder(config) if cross_encoder else tasks_of(architectures)
    if named is not None:
        of_sentences = cross_encoder and TASKS[named].of_sentences
        headless = TASKS[named].architecture == "Model" and not of_sentences
        if made_for and named not in made_for and not headless:
            what = KIND if cross_encoder else architectures[0]
            raise UserError(f"{model}: made for {made_for[0]} ({what}), not for --task {named}")
        return named
    if not made_for:
        raise UserError(
            f"{model}: config.json does not say which task it is made for; name one with --task "
            f"({', '.join(TASKS)})"
        )
    return made_for[0]


def _stored(folder: Path) -> tuple[dict[str, Any], list[str]]:
    config = read_object(config_file(folder))
    return config, [str(each) for each in config.get("architectures") or ()]


def _tasks_of_cross_encoder(config: Mapping[str, Any]) -> list[str]:
    """One score ranks, or is a regression; several rows are the classes of a pair."""
    rows = len(config.get("id2label") or ()) or int(config.get("num_labels", 2))
    return ["rank", "classify"] if rows == 1 else ["classify"]
