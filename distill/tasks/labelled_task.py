"""Tasks whose head has a row for each label: one loader, which compares names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from distill.tasks.heads import load_named
from distill.tasks.task import E, F, Labels, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class LabelledTask(Task[E, F]):
    """A task whose ``kind`` of model is loaded by `load_named`."""

    def load(
        self,
        directory: Path,
        labels: Labels | None,
        dropout: float | None = None,
        trained: bool = False,
        attentions: bool = False,
    ) -> PreTrainedModel:
        """As `Task.load`, by `load_named`."""
        assert labels is not None
        return load_named(self.kind, directory, labels, self.name, dropout, trained)
