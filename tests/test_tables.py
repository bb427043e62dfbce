"""Facts about model types, tasks and special tokens stand in the tables: no comparison, list or
constant elsewhere names one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from distill.families.table import FAMILIES, every_token_name
from distill.tasks.table import MASKED_TEXT
from distill.tasks.table import TASKS as TRAINED
from export.tasks.table import TASKS as EXPORTED
from tests.docs.commands import ROOT

NAMES = {*FAMILIES, *TRAINED, *EXPORTED, *every_token_name(), MASKED_TEXT}
TABLES = (
    "distill/families/",
    "distill/tasks/",
    "distill/models/presets.py",  # configurations that are shipped
    "export/tasks/",
    "export/simulator/",  # imports no table, and has an operation called classify
)
ELSEWHERE = {
    "distill/corpus/shards.py": "WikiText marks rare words by <unk>, whatever the tokenizer",
}
COLLECTIONS = (ast.Tuple, ast.List, ast.Set)
SOURCES = [
    path
    for package in ("distill", "export", "bench")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.relative_to(ROOT).as_posix().startswith((*TABLES, *ELSEWHERE))
]


def facts(source: str) -> Iterator[str]:
    """What a source compares with a name of the tables, lists of them, uses as a default or gives
    a name of its own; a key of a dictionary or a part of a longer text is none of these."""
    for node in ast.walk(ast.parse(source)):
        if any(map(is_name, held(node))):
            yield ast.unparse(node)


def held(node: ast.AST) -> list[ast.expr | None]:
    """The expressions of a node that would be facts if they were names."""
    match node:
        case ast.Compare(left, _, others):
            inside = (each.elts for each in (left, *others) if isinstance(each, COLLECTIONS))
            return [left, *others, *chain.from_iterable(inside)]
        case ast.Tuple(parts) | ast.List(parts) | ast.Set(parts):
            return list(parts) if sum(map(is_name, parts)) > 1 else []
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.MatchValue(value):
            return [value]
        case ast.keyword("default", value):
            return [value]
        case ast.arguments(defaults=by_place, kw_defaults=by_name):
            return [*by_place, *by_name]
        case ast.Call(ast.Attribute(_, "startswith" | "endswith"), arguments):
            return list(arguments)
    return []


def is_name(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value in NAMES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_facts_of_tables_stand_nowhere_else(path: Path) -> None:
    assert list(facts(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        'APP_TASK = "qa"',
        'SWIFT = ("qa", "classify")',
        'if task == "squad": pass',
        'if "embed" not in named: pass',
        'if kind in ("bert", config): pass',
        'mask = tokenizer.token_to_id("[MASK]") if name == "[MASK]" else 0',
        'def train(task="imdb"): pass',
        'def train(*, task="imdb"): pass',
        'task = field(default="squad")',
        "match task:\n    case 'tokens': pass",
    ],
)
def test_a_fact_elsewhere_would_be_found(source: str) -> None:
    assert list(facts(source))


def test_keys_and_texts_are_no_facts() -> None:
    assert not list(facts('described = {"tokens": 1}; print("bert and its tokens")'))
