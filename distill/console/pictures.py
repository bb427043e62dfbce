"""Figures of matplotlib as PNG files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 130


def png(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes each time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def write_png(picture: bytes, path: Path) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        UserError: as `atomic_file`.
    """
    with atomic_file(path) as staged:
        staged.write_bytes(picture)
