"""What kind of value each key of a model.json holds, where it is not one of a few."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MOST_IDS = 2**31


@dataclass(frozen=True)
class Kind:
    """``words``: what is expected; ``holds``: whether a value is of this kind."""

    words: str
    holds: Callable[[object], bool]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < MOST_IDS


def _is_ids(value: object) -> bool:
    return isinstance(value, dict) and all(
        type(each) is int and 0 <= each < MOST_IDS for each in value.values()
    )


def _is_formats(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(form, dict) and isinstance(form.get("file"), str) for form in value.values()
    )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_number(value: object) -> bool:
    """Whether a value is a number that a float holds; JSON's whole numbers have no largest."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


TEXT = Kind("a text", lambda value: isinstance(value, str))
TRUTH = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = Kind("a whole number above 0", _is_count)
KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("name", "package", "layout", "target", "source", "source_path"), TEXT),
    **dict.fromkeys(("lower_case", "normalize", "random_weights", "classifier"), TRUTH),
    **dict.fromkeys(("format_version", "pair_separators", "hidden_size"), COUNT),
    "labels": Kind("a list of texts", _is_names),
    "pooling": Kind("null or a list of texts", lambda value: value is None or _is_names(value)),
    "special_ids": Kind("ids by name", _is_ids),
    "formats": Kind("formats by name, each with its file", _is_formats),
    "no_answer_threshold": Kind(
        "null or a number", lambda value: value is None or is_number(value)
    ),
}


def check_kinds(settings: Mapping[str, object]) -> None:
    """
    Raises:
        ValueError: a value that is there is of another kind.
    """
    for name, kind in KINDS.items():
        if name in settings and not kind.holds(settings[name]):
            shown = f"{settings[name]!r:.60}"
            raise ValueError(f"{name} {shown} (expected {kind.words})")
