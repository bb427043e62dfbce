"""The commands that a page shows: indented lines, joined where a backslash ends one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", *(f"{place}/**/*.md" for place in
                    ("distill", "export", "bench", "ios_app", "tests")))
    for path in ROOT.glob(pattern)
)  # fmt: skip
PROGRAMS = (
    *(
        "python",
        "python3.11",
        "pip",
        "pytest",
        "make",
        "git",
        "swift",
        "xcrun",
        "open",
        "distilkit",
    ),
    *("torchrun", "accelerate", "coreml-simulator"),
)
BEFORE = r"(?:\w+=\S+ )*(?:/usr/bin/time -f \"[^\"]*\" )?"
"""Variables, and the measure of a command."""
COMMAND = re.compile(rf"{BEFORE}((?:{'|'.join(map(re.escape, PROGRAMS))}) .*)")
KIT = re.compile(r"python -m (distill|export|bench)\.")
INDENTED = re.compile(r"^ {4,7}(?=\S)")


def shown_lines(page: Path) -> list[str]:
    """Every command of any program on a page, in order, without the remark after it."""
    commands, pending = [], ""
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if not pending and not (INDENTED.match(line) and COMMAND.match(text)):
            continue
        pending += text.removesuffix("\\")
        if not text.endswith("\\"):
            found = COMMAND.match(pending)
            assert found is not None
            commands.append(re.split(r" +# ", found[1])[0].strip())
            pending = ""
    return commands


def shown_commands(page: Path) -> list[str]:
    """Every ``python -m PACKAGE.COMMAND ...`` of the kit on a page, in order."""
    return [line for line in shown_lines(page) if KIT.match(line)]
