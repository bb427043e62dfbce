"""The house keeps its order: bench -> export -> distill, small files, no rooms without an idea."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "distill": {"distill"},
    "export": {"distill", "export"},
    "bench": {"distill", "export", "bench"},
}
SOURCES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


ROOMS = {
    "distill": (
        "console",
        "families",
        "models",
        "losses",
        "corpus",
        "tasks",
        "students",
        "runs",
        "training",
    ),
    "export": ("simulator", "checkpoint", "tasks", "encoder", "bundle", "proof"),
    "bench": ("runtimes", "measuring", "reporting", "roofline", "training_step"),
}
"""The rooms of a package from the lowest: a room imports itself and those before it."""


def imported_modules(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function, by its dotted name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def imported_packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_flow_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert imported_packages(path) & {*MAY_IMPORT, "tests"} <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_import_one_way(path: Path) -> None:
    """A command may import every room of its package; a room no command and no later room."""
    package, *inside = path.relative_to(ROOT).parts
    if len(inside) < 2 or inside[0] == "simulator":
        return
    rooms = ROOMS[package]
    allowed = set(rooms[: rooms.index(inside[0]) + 1])
    imported = {
        name.split(".")[1] for name in imported_modules(path) if name.startswith(f"{package}.")
    }
    assert imported <= allowed


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_imports_a_command(path: Path) -> None:
    """What two commands share is in a room."""
    commands = {f"{package}.{file.stem}" for package in MAY_IMPORT
                for file in (ROOT / package).glob("[!_]*.py")}  # fmt: skip
    imported = {f"{name}." for name in imported_modules(path)}
    assert [name for name in commands for each in imported if each.startswith(f"{name}.")] == []


ROOMS_FOR_OTHERS = {"families", "tasks", "models", "console"}
"""Of `distill`, what `export` and `bench` use; `bench.training` measures the rest of a training."""
MEASURES_TRAINING = "training_step"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_other_packages_use_four_rooms_of_distill(path: Path) -> None:
    package, *inside = path.relative_to(ROOT).parts
    if package == "distill" or inside[0] == MEASURES_TRAINING:
        return
    names = {name for name in imported_modules(path) if name.startswith("distill.")}
    assert {name.split(".")[1] for name in names} <= ROOMS_FOR_OTHERS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


def test_top_level_imports_are_found() -> None:
    """The reader of imports reads: what a module is known to import is seen."""
    example = ROOT / "distill" / "models" / "presets.py"
    assert {"importlib", "pathlib"} <= imported_packages(example)
