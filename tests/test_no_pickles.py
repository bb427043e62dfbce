"""No file runs code of its own: pickles are read as weights alone, arrays without objects."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("distill", "export", "bench", "ios_app")
LOADERS = ("pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")


def calls() -> Iterator[tuple[str, str, dict[str | None, str]]]:
    """Place, name and named arguments of every call in the packages."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    given = {each.arg: ast.unparse(each.value) for each in node.keywords}
                    place = f"{file.relative_to(ROOT)}:{node.lineno}"
                    yield place, ast.unparse(node.func), given


def test_pickles_are_read_as_weights_alone() -> None:
    loads = [(place, given) for place, name, given in calls() if name == "torch.load"]
    assert loads
    assert [p for p, given in loads if given.get("weights_only") != "True"] == []


def test_arrays_are_read_without_objects() -> None:
    """NumPy's default is False."""
    loads = [(place, given) for place, name, given in calls() if name in ("np.load", "numpy.load")]
    assert loads
    assert [p for p, given in loads if given.get("allow_pickle", "False") != "False"] == []
    assert [p for p, _, given in calls() if given.get("allow_pickle", "False") != "False"] == []


def test_nothing_reads_objects() -> None:
    read = {"load", "loads", "Unpickler", "open"}
    found = [
        p for p, name, _ in calls() if name.split(".")[0] in LOADERS and name.split(".")[-1] in read
    ]
    assert found == []


def test_yaml_is_read_by_a_safe_loader() -> None:
    loads = [(place, name) for place, name, _ in calls() if name.startswith("yaml.")]
    assert {name for _, name in loads} <= {"yaml.load", "yaml.safe_load"}
    files = {place.partition(":")[0] for place, name in loads if name == "yaml.load"}
    assert files <= {"distill/console/option_files.py"}  # its loader derives from SafeLoader
