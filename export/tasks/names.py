"""Names of what goes into a package and comes out of it, as the table of tasks says."""

from __future__ import annotations

from export.tasks.model_inputs import INPUTS
from export.tasks.table import TASKS as TABLE

__all__ = ["INPUTS", "OUTPUTS", "PER_TOKEN", "TASKS"]

OUTPUTS = {name: task.outputs for name, task in TABLE.items()}
"""Model outputs in order, by task."""
TASKS = tuple(TABLE)
PER_TOKEN = tuple(name for name, task in TABLE.items() if task.per_token)
"""Tasks whose outputs have a value for each position; of the rest the second axis is the width or
the classes, even where it is as long as the input."""
