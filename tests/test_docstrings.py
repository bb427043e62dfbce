"""Every public class, function and method says what it is for, itself or by the class that it
inherits from, and names the errors that its own body raises."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

import bench
import distill
import export

MODULES = [
    each.name
    for package in (distill, export, bench)
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not each.ispkg
]
PACKAGES = ("distill.", "export.", "bench.")
OF_THEIR_CLASS = {"as_json", "rows", "in_words"}
"""What a result is as JSON, as rows of a table and in words: its class says what it holds."""
OF_THEIR_MODULE = {"main"}
"""A command: its module is the help."""


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module defines for others, and the methods and properties of its classes."""
    for name, each in vars(module).items():
        own = getattr(each, "__module__", None) == module.__name__
        if name.startswith("_") or not own or not isinstance(each, type | FunctionType):
            continue
        yield name, each
        for method, held in vars(each).items() if isinstance(each, type) else ():
            function = held.fget if isinstance(held, property) else held
            function = getattr(function, "__func__", function)
            if isinstance(function, FunctionType) and not method.startswith("_"):
                yield f"{name}.{method}", getattr(each, method)


def text_of(module: ModuleType, place: str, each: Any) -> str | None:
    """The docstring, or that of the nearest base class of the three packages; what a library says
    of a method that is overridden here does not count."""
    holder, _, method = place.rpartition(".")
    if holder:
        bases = (base for base in getattr(module, holder).__mro__ if method in vars(base))
        held = (getattr(base, method) for base in bases if base.__module__.startswith(PACKAGES))
        return next((inspect.getdoc(one) for one in held if one.__doc__), None)
    return inspect.getdoc(each)


def errors_raised(source: str) -> set[str]:
    """The classes of the errors that a function raises itself, but those of a bug."""
    calls = (node.exc for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise))
    names = {each.func.id for each in calls
             if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}  # fmt: skip
    return {name for name in names if not name.startswith("_")} - {"NotImplementedError"}


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_say_what_is_there_and_what_is_raised(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    without, silent = [], []
    for place, each in public(module):
        last = place.rpartition(".")[2]
        text = text_of(module, place, each)
        if not text and last not in OF_THEIR_CLASS | OF_THEIR_MODULE:
            without.append(place)
        function = each.fget if isinstance(each, property) else each
        if text and last not in OF_THEIR_MODULE and isinstance(function, FunctionType):
            raised = errors_raised(textwrap.dedent(inspect.getsource(function)))
            silent += [f"{place}: {error}" for error in raised if error not in text]
    assert (without, silent) == ([], [])


def test_an_error_that_is_not_named_would_be_found() -> None:
    source = "def read(path):\n    if not path:\n        raise UserError(f'{path}: no such file')\n"
    assert errors_raised(source) == {"UserError"}
