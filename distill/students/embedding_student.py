"""A student of sentence embeddings: its teacher's pooling after a few of its layers, and fewer
numbers in an embedding where they are asked for.

Fewer numbers come from a linear layer without bias (`Dense` of `sentence-transformers`) that starts
as the teacher's principal directions on text, so that cosines change as little as they can.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from distill.console.errors import UserError
from distill.models.embedder import (
    Embedder,
    load_embedder,
    modules_of,
    principal_directions,
    with_directions,
)

MOST_TEXTS = 4096


def fitted_directions(
    teacher: Path, width: int, texts: Sequence[str]
) -> tuple[Embedder, torch.Tensor | None]:
    """The teacher, and the ``width`` principal directions of its embeddings of ``texts``; None for
    its own width.

    Raises:
        UserError: a width that the teacher does not have, or too few texts.
    """
    taught = load_embedder(teacher)
    if not 1 <= width <= taught.width:
        raise UserError(f"--width must be between 1 and {taught.width}, not {width}")
    if width == taught.width:
        return taught, None
    if len(texts) < width:
        raise UserError(
            f"a --width of {width} is fitted to at least as many texts: name more with --text"
            f" ({len(texts)} read)"
        )
    embeddings = taught.sentences.encode(list(texts[:MOST_TEXTS]), show_progress_bar=False)
    return taught, principal_directions(torch.from_numpy(embeddings), width)


def write_embedding_student(
    student: Path, teacher: Embedder, directions: torch.Tensor | None
) -> None:
    """Make the checkpoint in ``student``, an encoder as wide as the teacher's, a folder of
    `sentence-transformers`: pooled as the teacher, projected onto ``directions``."""
    model = modules_of(teacher, load_embedder(student))
    if directions is not None:
        model = with_directions(model, directions)
    model.save(student)
