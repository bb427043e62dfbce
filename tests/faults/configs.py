"""Wrong kinds and sizes in the config.json of every family, which is exported."""

from __future__ import annotations

import json
import random
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from distill.families.table import FAMILIES
from tests.export.tiny_models import save_checkpoint

MOST_SECONDS = 30
"""Of the processor."""
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, -(10**9), 2.5, 10**4, 10**6, 10**9, 10**30, 10**400),
    *(float("nan"), float("inf"), -0.5, 1e308, "", "2", "true", "x\n", "\x1b[2J", "gelu", "\ud800"),
    *([], [2], [[]], {}, {"a": 1}, {"rope_theta": "x"}),
)


def every_family(folder: Path) -> None:
    for name in FAMILIES:
        save_checkpoint(name, "embed", folder / name)


def wrong_config(folder: Path, draw: random.Random) -> str | None:
    """Change one value of the entries that a family reads."""
    return exported(folder, draw.choice(sorted(FAMILIES)), draw)


def exported(folder: Path, family: str, draw: random.Random) -> str | None:
    """One line, or an export that its library agrees with: never with true for 1 or "2" for 2."""
    path = folder / family / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    key = draw.choice(sorted(FAMILIES[family].config_keys.values()))
    before, after = config.get(key), draw.choice(VALUES)
    if draw.randrange(4) == 0:
        after = draw.choice(_like(before))
    config[key] = after
    path.write_text(json.dumps(config), encoding="utf-8")
    problem = _export(folder, family, before is not None and _other_kind(before, after))
    return problem and f"{family}, {key}: {before!r:.50} -> {after!r:.50}: {problem}"


def _like(value: Any) -> list[Any]:
    """The same value as another kind, and its neighbours."""
    if isinstance(value, int | float):
        return [bool(value), str(value), float(value), value + 1, -value, [value], 2 * value]
    return [str(value), [value], {"a": value}]


def _other_kind(before: Any, after: Any) -> bool:
    """Whether a value is of another kind; null is one that was not given."""
    return after is not None and type(before) is not type(after) and not _is_float(before, after)


def _is_float(before: Any, after: Any) -> bool:
    return type(before) is float and type(after) is int


def _export(folder: Path, family: str, refused: bool) -> str | None:
    from export.coreml import main

    printed, error, began = StringIO(), StringIO(), time.process_time()
    line = ["--model", str(folder / family), "--task", "embed", "--lengths", "16"]
    with redirect_stdout(printed), redirect_stderr(error):
        status = main([*line, "--out", str(folder / "out")])
    if time.process_time() - began > MOST_SECONDS:
        return "it took too long"
    errors = [text for text in error.getvalue().splitlines() if text.startswith("error: ")]
    if status == 2 and len(errors) == 1 and not (folder / "out").exists():
        return None
    if status != 0:
        return f"status {status}: {printed.getvalue()[-300:]} {error.getvalue()[-300:]}"
    return "accepted" if refused else None
