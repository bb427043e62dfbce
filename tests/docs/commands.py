"""The commands that a page shows: indented lines, joined where a backslash ends one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "distill/*.md", "export/**/*.md", "bench/**/*.md")
    for path in ROOT.glob(pattern)
)
INDENTED = re.compile(r"^    (?=\S)")


def shown_commands(page: Path, until: str = "\0") -> list[str]:
    """Every ``python -m PACKAGE.COMMAND ...`` of the kit on a page, in order, up to the words
    ``until``."""
    commands, pending = [], ""
    text = (ROOT / page).read_text(encoding="utf-8")
    for line in text.partition(until)[0].splitlines():
        text = line.strip()
        if not pending and not (INDENTED.match(line) and "python -m " in text):
            continue
        pending += text.removesuffix("\\")
        if not text.endswith("\\"):
            command = pending[pending.index("python -m ") :].partition("  #")[0].strip()
            if re.match(r"python -m (distill|export|bench)\.", command):
                commands.append(command)
            pending = ""
    return commands
