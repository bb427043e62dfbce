"""What follows the encoder in a folder of `sentence-transformers`: pooling, projection, length 1.

A command that writes a checkpoint in the place of another takes them along: without them the
library, and this kit, would take the mean of the last states.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from distill.console.bounded_files import read_json
from distill.console.errors import UserError

SENTENCE_FILES = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")
KNOWN = ("Transformer", "Pooling", "Dense", "Normalize", "LayerNorm")
"""Modules that do not depend on the sizes of the encoder's layers, nor on its vocabulary."""
MODULE_FOLDER = re.compile(r"[0-9]+_\w+")
MODULE_PART = re.compile(rf"[0-9]+_({'|'.join(KNOWN)})(/(config\.json|model\.safetensors))?")


def module_folders(directory: Path) -> list[str]:
    """The folders of the modules after the encoder, in order; none where the checkpoint is not one
    of `sentence-transformers`.

    Raises:
        UserError: modules.json is damaged, or names a module that is not in `KNOWN`.
    """
    path = directory / "modules.json"
    if not path.is_file():
        return []
    try:
        modules = [(str(each["path"]), str(each["type"])) for each in read_json(path)]
    except (TypeError, KeyError) as error:
        raise UserError(f"{path}: damaged, not a list of modules ({error})") from None
    for folder, kind in modules:
        if kind.rpartition(".")[2] not in KNOWN:
            raise UserError(f"{path}: module {kind} is not supported (expected {', '.join(KNOWN)})")
        if folder and not MODULE_FOLDER.fullmatch(folder):
            raise UserError(f"{path}: {folder!r} is not the name of a module's folder")
    return [folder for folder, _ in modules if folder]


def copy_modules(source: Path, target: Path) -> None:
    """Copy what follows the encoder of a checkpoint folder into another one; nothing where the
    checkpoint is not one of `sentence-transformers`.

    Raises:
        UserError: as `module_folders`.
    """
    folders = module_folders(source)
    if not (source / "modules.json").is_file():
        return
    for name in SENTENCE_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    for name in folders:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        else:  # Normalize has no settings, and git keeps no empty folder
            (target / name).mkdir()
