"""A pytest plugin that puts the simulator in the place of Core ML in coremltools' own tests.

    pytest --pyargs coremltools.converters.mil.mil.ops.tests -p tests.conformance.plugin

On Linux those tests end before they compare values, for there is nothing to run them on. The
plugin turns on their platform switch and answers their prediction, and changes nothing else: no
tolerance, no skip. Left out are the tests of the old neural-network format, which holds no ML
Program, and those of random operations, whose values cannot be repeated.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

MACOS = (15, 0)
reached: set[str] = set()
current = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--one-in", type=int, default=1, help="run one test in so many, by hash")
    parser.addoption("--results", type=Path, help="write results by test file as JSON")


def pytest_configure(config: pytest.Config) -> None:
    from export.quiet import quiet

    with quiet():
        import coremltools.converters.mil.testing_utils as testing
    testing._IS_MACOS = True
    names = {**vars(testing.coremltoolsutils), "_macos_version": lambda: MACOS}
    testing.coremltoolsutils = types.SimpleNamespace(**names)
    testing.run_core_ml_predict = run_core_ml_predict
    config.stash[OUTCOMES] = defaultdict(Counter)
    config.stash[CAUSES] = Counter()


OUTCOMES = pytest.StashKey[dict[str, Counter[str]]]()
CAUSES = pytest.StashKey[Counter[str]]()


def run_core_ml_predict(mlmodel: Any, input_key_values: dict[str, Any], state: Any = None) -> Any:
    """The simulator's answer to the question that the tests put to Core ML."""
    import numpy as np

    from export.simulator import Simulator

    reached.add(current)
    feeds = {name: np.asarray(value) for name, value in input_key_values.items()}
    return Simulator(mlmodel).predict(feeds, state)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share = config.getoption("--one-in")
    kept, left = [], []
    for item in items:
        runs_program = "neuralnetwork" not in item.name and "test_random" not in item.nodeid
        chosen = int(hashlib.sha256(item.nodeid.encode()).hexdigest(), 16) % share == 0
        (kept if runs_program and chosen else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    global current
    current = item.nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    outcomes = item.config.stash[OUTCOMES]
    name = "/".join(item.path.parts[-2:])
    if report.when == "call" or (report.when == "setup" and report.skipped):
        outcomes[name][report.outcome] += 1
        if item.nodeid in reached:
            outcomes[name][f"reached_{report.outcome}"] += 1
        if report.failed and call.excinfo is not None:
            text = str(call.excinfo.value).strip().splitlines() or [""]
            cause = f"{call.excinfo.typename}: {text[0][:110]}"
            item.config.stash[CAUSES][f"{item.originalname}: {cause}"] += 1  # type: ignore[attr-defined]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--results")
    if path:
        results = {
            "files": {name: dict(c) for name, c in sorted(session.config.stash[OUTCOMES].items())},
            "causes": dict(session.config.stash[CAUSES].most_common()),
        }
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
