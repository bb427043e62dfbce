"""Links in a folder from elsewhere: they may lead to its own files, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from distill.console.errors import UserError

SNAPSHOTS, BLOBS = "snapshots", "blobs"
"""In the cache of the Hugging Face hub the files of a snapshot are links to the blobs beside it."""


def check_link(path: Path, folder: Path) -> None:
    """Check that a path in a folder is not a link, or a link that stays in the folder or in the
    hub's cache.

    Raises:
        UserError: a link that leads elsewhere, to a device, or in a circle.
    """
    if not path.is_symlink():
        return
    try:
        target, own = path.resolve(), folder.resolve()
    except (OSError, RuntimeError):
        raise UserError(f"{path}: a link that leads in a circle") from None
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise UserError(f"{path}: not a regular file")
    if not any(target.is_relative_to(place) for place in (own, *_blobs(own))):
        raise UserError(
            f"{path}: a link that leads out of {folder.name or folder}, which is not followed; put "
            "the file itself there"
        )


def check_links(folder: Path) -> None:
    """Check every link in a folder, at any depth.

    Raises:
        UserError: as `check_link`.
    """
    for path in folder.rglob("*"):
        check_link(path, folder)


def _blobs(folder: Path) -> list[Path]:
    """Where the files of a folder in the hub's cache are."""
    inside = (each for each in (folder, *folder.parents) if each.parent.name == SNAPSHOTS)
    return [each.parent.parent / BLOBS for each in inside]
