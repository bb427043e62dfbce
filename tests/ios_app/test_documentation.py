"""The documentation catalogues: every symbol and article that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from toolchain import PACKAGE

SOURCES = PACKAGE / "Sources"
CATALOGUES = sorted(SOURCES.rglob("*.docc"))
DECLARED = re.compile(
    r"public (?:static |final |mutating )*(?:struct|class|actor|enum|protocol|typealias|let|var|"
    r"func|init) ?(\w*)"
)


def symbols(module: Path) -> set[str]:
    """The names that a module declares as public, and its own."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in module.rglob("*.swift"))
    return {module.name, *DECLARED.findall(text)}


def test_every_product_has_a_catalogue() -> None:
    manifest = (PACKAGE.parent / "Package.swift").read_text(encoding="utf-8")
    assert {path.stem for path in CATALOGUES} == set(
        re.findall(r'\.library\(name: "(\w+)"', manifest)
    )


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.stem)
def test_symbols_and_articles_of_a_catalogue_exist(catalogue: Path) -> None:
    known = symbols(catalogue.parent)
    articles = {path.stem for path in catalogue.glob("*.md")}
    named = 0
    for file in catalogue.glob("*.md"):
        text = file.read_text(encoding="utf-8")
        for link in re.findall(r"(?<!`)``([^`\n]+)``", text):
            for part in link.split("/"):
                assert part.split("(")[0] in known, f"{file.name}: {link}"
            named += 1
        for article in re.findall(r"<doc:([^>]+)>", text):
            assert article in articles, f"{file.name}: {article}"
    assert named > 1
