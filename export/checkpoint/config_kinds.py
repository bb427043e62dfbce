"""What kind of value each entry of config.json must be. Python would take true for 1, "12" for 12
and "false" for true: another model than was trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from distill.console.errors import UserError
from distill.families.family import Family

MOST_LAYERS = 1000
"""Of layers and what is repeated in them: so many modules are built before weights are read."""
MOST_DISTANCES = 1_000_000
LARGEST_NUMBER = 1e30
Kind = tuple[str, Callable[[object], bool]]
"""What is expected, in words, and whether a value is that."""


def _whole(least: float = -math.inf, most: float = math.inf) -> Callable[[object], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < LARGEST_NUMBER


def _name(value: object) -> bool:
    return isinstance(value, str)


def _names(value: object) -> bool:
    return isinstance(value, list) and all(map(_name, value))


def _rotations(value: object) -> bool:
    """Objects; an angle's base is optional."""
    if not isinstance(value, dict):
        return False
    rotations = [one for one in value.values() if one is not None]
    return all(isinstance(one, dict) and _number(one.get("rope_theta", 1)) for one in rotations)


SIZE: Kind = ("a whole number", _whole())
FROM_ONE: Kind = ("a whole number above 0", _whole(1))
LAYERS: Kind = (f"a whole number from 1 to {MOST_LAYERS}", _whole(1, MOST_LAYERS))
DISTANCES: Kind = (f"a whole number up to {MOST_DISTANCES}", _whole(most=MOST_DISTANCES))
FLAG: Kind = ("true or false", lambda value: isinstance(value, bool))
NUMBER: Kind = ("a number above 0", _number)
NAME: Kind = ("a name", _name)

KINDS: dict[str, Kind] = {
    **dict.fromkeys(("layers", "groups", "inner_layers", "feed_forwards"), LAYERS),
    **dict.fromkeys(("width", "heads", "intermediate", "vocabulary", "positions"), SIZE),
    **dict.fromkeys(("segments", "embedding_width", "pad", "convolution"), SIZE),
    **dict.fromkeys(("inner_width", "window", "global_every"), FROM_ONE),
    **dict.fromkeys(("buckets", "farthest"), DISTANCES),
    **dict.fromkeys(("norm_bias", "attention_bias", "gated_bias", "head_bias"), FLAG),
    **dict.fromkeys(("decoder_bias", "relative", "position_input", "shared_keys"), FLAG),
    **dict.fromkeys(("old_head", "three_tokens", "bottleneck", "bottleneck_attention"), FLAG),
    **dict.fromkeys(("shared_bottleneck", "pooled"), FLAG),
    **dict.fromkeys(("norm_eps", "global_base", "local_base"), NUMBER),
    **dict.fromkeys(("activation", "head_activation", "norm", "distance_norm", "pooling"), NAME),
    "layer_types": ("a list of names", _names),
    "attends": ("a name or a list of names", lambda value: _name(value) or _names(value)),
    "rotations": ("objects with a rope_theta above 0", _rotations),
    "scaled_rotations": ("an object", lambda value: isinstance(value, dict)),
}
"""By our words for the entries; null is an entry that is left out."""


def check_kinds(family: Family, stored: Mapping[str, object], name: str) -> None:
    """
    Args:
        stored: the content of config.json; ``name`` is the checkpoint's, for messages.

    Raises:
        UserError: an entry is of another kind, with what it is.
    """
    entries = [(key, KINDS[word]) for word, key in family.config_keys.items()]
    for key, (expected, is_one) in [*entries, ("num_labels", SIZE)]:
        value = stored.get(key)
        if value is not None and not is_one(value):
            shown = repr(value)
            shown = shown if len(shown) < 80 else f"{shown[:80]}..."
            raise UserError(f"{name}: {key} {shown} is not {expected} (config.json)")
