"""No checkpoint runs code of its own: every load says so."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_load_refuses_remote_code() -> None:
    loads, open_ones = 0, []
    for path in (
        file for name in ("distill", "export", "bench") for file in (ROOT / name).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "from_pretrained":
                loads += 1
                given = {each.arg: ast.unparse(each.value) for each in node.keywords}
                if given.get("trust_remote_code") != "False":
                    open_ones.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert loads and not open_ones
