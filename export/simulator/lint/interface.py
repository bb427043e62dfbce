"""What an app meets: outputs that nobody reads, labels that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .rule import Function

LABELLED = ("classify", "tokens")
PLACEHOLDER = re.compile(r"LABEL_\d+")


def unread(function: Function) -> Iterator[str]:
    """Results that no operation and no output reads, and outputs that model.json does not name."""
    results = set(function.mil.outputs)
    for op in function.operations:
        if not any(var.child_ops or var.consuming_blocks or var in results for var in op.outputs):
            yield op.name
    named = function.settings.get("outputs")
    if isinstance(named, list):
        outputs = (var for var in function.mil.outputs if var.name not in named)
        # Those of a classifier are read by what Core ML itself calls them.
        yield from (var.name for var in outputs if var.op is None or var.op.op_type != "classify")


def without_labels(function: Function) -> Iterator[str]:
    """A classifier whose labels are none, or the placeholders that `transformers` writes."""
    for op in function.operations:
        if op.op_type == "classify" and not len(op.classes.val):
            yield op.name
    if function.settings.get("task") in LABELLED:
        labels = function.settings.get("labels") or []
        regression = function.settings.get("problem_type") == "regression"
        if not regression and all(PLACEHOLDER.fullmatch(str(label)) for label in labels):
            yield "model.json"
