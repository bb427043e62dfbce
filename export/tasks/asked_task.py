"""The task of an export: the one asked for, else the one that the checkpoint is made for."""

from __future__ import annotations

from distill.console.errors import UserError
from distill.models.checkpoint_folder import read_object
from distill.models.presets import PRESETS
from export.checkpoint.reading import checkpoint_root
from export.tasks.table import TASKS, tasks_of

SENTENCE_MODULES = "modules.json"


def asked_task(model: str, named: str | None) -> str:
    """The task that ``named`` says, or that the checkpoint's own files say.

    A folder of `sentence-transformers` embeds; of the others ``architectures`` in config.json
    decides, a classifier of sentences before a reranker. A preset has a task of its own.

    Args:
        model: preset, folder or hub id.
        named: the value of ``--task``.

    Raises:
        UserError: there is no such checkpoint, or its files do not say what it is made for, or they
            say something else than ``named``.
    """
    if model in PRESETS:
        return named or PRESETS[model].default_task
    folder = checkpoint_root(model)
    assert folder is not None
    if (folder / SENTENCE_MODULES).is_file():
        return named or "embed"
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(f"{folder}: no checkpoint there (config.json is missing)")
    architectures = [str(each) for each in read_object(config).get("architectures") or ()]
    made_for = tasks_of(architectures)
    if named is not None:
        if made_for and named not in made_for and TASKS[named].architecture != "Model":
            raise UserError(
                f"{model}: made for {made_for[0]} ({architectures[0]}), not for --task {named}"
            )
        return named
    if not made_for:
        raise UserError(
            f"{model}: config.json does not say which task it is made for; name one with --task "
            f"({', '.join(TASKS)})"
        )
    return made_for[0]
