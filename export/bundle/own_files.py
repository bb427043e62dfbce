"""Which files an export writes: those alone may be replaced. A folder's model.json says little, as
other programs have files of that name, and as people keep notes in folders of ours."""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import Any

from distill.console.atomic import clear_staged
from distill.console.bounded_files import read_bounded
from distill.console.errors import UserError
from export.tasks.table import TASKS

SETTINGS = "model.json"
BUNDLE_FILES = frozenset({SETTINGS, "tokenizer.json", "vocab.txt"})
CORE_ML = "Data/com.apple.CoreML"
PACKAGE_FILES = {
    ".mlpackage": ("Manifest.json", f"{CORE_ML}/model.mlmodel", f"{CORE_ML}/weights/weight.bin"),
    ".aimodel": ("main.hash", "main.mlirb", "metadata.json"),
}
"""The files of a package, by the ending of its name."""


def check_replaceable(out: Path) -> None:
    """Check that what is replaced is a bundle of ours or an empty folder, and nothing else.

    Raises:
        UserError: ``out`` is not a bundle, or holds a file that no export wrote; it is named.
    """
    if out.is_symlink() or not out.is_dir():
        raise UserError(f"{out} is not a bundle of ours and is left alone; name another --out")
    if not any(out.iterdir()):
        return
    packages = _packages(out)
    for name in (*BUNDLE_FILES, *packages):
        clear_staged(out / name)
    for path in sorted(out.iterdir()):
        if path.name in packages:
            check_package(path)
        elif path.name not in BUNDLE_FILES or not _is_plain_file(path):
            raise _stranger(out, path)


def check_package(package: Path) -> None:
    """Let a package that an export wrote be replaced.

    Raises:
        UserError: it holds something that no export wrote, or is a link or a file.
    """
    if package.is_symlink() or not package.is_dir():
        raise _stranger(package.parent, package)
    own = {*map(PurePath, PACKAGE_FILES[package.suffix])}
    folders = {parent for file in own for parent in file.parents}
    for path in sorted(package.rglob("*")):
        place = path.relative_to(package)
        is_folder = path.is_dir() and not path.is_symlink()
        if place not in (folders if is_folder else own) or not (is_folder or _is_plain_file(path)):
            raise _stranger(package, path)


def _packages(out: Path) -> set[str]:
    """The packages that a model.json of ours names.

    Raises:
        UserError: it is not one of ours.
    """
    try:
        settings: Any = json.loads(read_bounded(out / SETTINGS))
        known = type(settings["format_version"]) is int and settings["task"] in TASKS
        names = {settings["package"], *(x["file"] for x in settings.get("formats", {}).values())}
        # A killed export may have written a package, but not its entry.
        names |= {f"{settings.get('name', '')}{ending}" for ending in PACKAGE_FILES}
        known = known and all(PurePath(name).name == name for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise UserError(f"{out} is not a bundle of ours and is left alone; name another --out")
    return {name for name in names if PurePath(name).suffix in PACKAGE_FILES}


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _stranger(folder: Path, path: Path) -> UserError:
    name = path.relative_to(folder)
    return UserError(
        f"{folder} holds {name}, which no export wrote; move it, or name another --out"
    )
