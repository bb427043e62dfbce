"""What a package is made for, and the names of what goes in and comes out."""

from __future__ import annotations

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = {
    "qa": ("start_logits", "end_logits"),
    "classify": ("logits",),
    "mlm": ("logits",),
    "embed": ("embedding",),
}
"""Model outputs in order, by task."""
TASKS = tuple(OUTPUTS)
PER_TOKEN = ("qa", "mlm")
"""Tasks whose outputs have a value for each position; of the rest the second axis is the width or
the classes, even where it is as long as the input."""
