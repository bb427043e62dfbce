"""Reads the old property-list text that Xcode keeps a project in."""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(
    r"""\s+ | //[^\n]* | /\*.*?\*/ |
    (?P<sign>[{}()=;,]) | "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<word>[\w.$/+-]+)""",
    re.VERBOSE | re.DOTALL,
)


def parse(text: str) -> Any:
    """The value that the text holds: dict, list or str.

    Raises:
        ValueError: the text is no property list; says where.
    """
    tokens = list(_tokens(text))
    value, rest = _value(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"text after the end: {tokens[rest]}")
    return value


def _tokens(text: str) -> Any:
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"line {line}: unexpected {text[position]!r}")
        position = match.end()
        if match["sign"]:
            yield "sign", match["sign"]
        elif match["word"] is not None or match["quoted"] is not None:
            yield "text", match["word"] if match["word"] is not None else match["quoted"]


def _value(tokens: list[tuple[str, str]], at: int) -> tuple[Any, int]:
    kind, text = tokens[at]
    if kind == "text":
        return text, at + 1
    if text == "{":
        return _dictionary(tokens, at + 1)
    if text == "(":
        return _array(tokens, at + 1)
    raise ValueError(f"unexpected {text!r}")


def _dictionary(tokens: list[tuple[str, str]], at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while tokens[at] != ("sign", "}"):
        key = tokens[at][1]
        _expect(tokens, at + 1, "=")
        value, at = _value(tokens, at + 2)
        _expect(tokens, at, ";")
        if key in found:
            raise ValueError(f"{key} stands twice")
        found[key] = value
        at += 1
    return found, at + 1


def _array(tokens: list[tuple[str, str]], at: int) -> tuple[list[Any], int]:
    found = []
    while tokens[at] != ("sign", ")"):
        value, at = _value(tokens, at)
        found.append(value)
        if tokens[at] == ("sign", ","):
            at += 1
    return found, at + 1


def _expect(tokens: list[tuple[str, str]], at: int, sign: str) -> None:
    if tokens[at] != ("sign", sign):
        raise ValueError(f"{tokens[at][1]!r} where {sign!r} belongs")
