"""Changes of a file, drawn at random: one value of a JSON file, or bytes of any."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 10**9, 1.5, 1e308, float("nan"), float("inf")),
    *("", "x", "[UNK]", "../../..", "bert", "\n", "\ud800", [], [1], {}, {"a": 1}, [[[]]]),
)


def mutate_json(path: Path, draw: random.Random) -> None:
    """Replace, remove or add one value, at any depth; or cut the file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in list(keys)[:40]:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                visit(node[key])

    visit(content)
    node, key = draw.choice(places)
    action = draw.randrange(10)
    if action == 0:
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: draw.randrange(len(text))], encoding="utf-8")
        return
    if action == 1 and isinstance(node, dict):
        del node[key]
    else:
        node[key] = draw.choice(VALUES)
    path.write_text(json.dumps(content), encoding="utf-8")


def mutate_bytes(path: Path, draw: random.Random) -> None:
    """Cut a file, empty it, or change some of its first bytes, where its header is, or any."""
    content = bytearray(path.read_bytes())
    action = draw.randrange(4)
    if action == 0:
        content = content[: draw.randrange(len(content))]
    elif action == 1:
        content = bytearray()
    else:
        end = min(len(content), 600) if action == 2 else len(content)
        for _ in range(draw.randint(1, 8)):
            content[draw.randrange(end)] = draw.randrange(256)
    path.write_bytes(bytes(content))
