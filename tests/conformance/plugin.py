"""A pytest plugin that puts the simulator in the place of Core ML in coremltools' own tests.

    pytest --pyargs coremltools.converters.mil.mil.ops.tests -p tests.conformance.plugin

On Linux those tests end before they compare values, for there is nothing to run them on. The
plugin turns on the platform switch of `coremltools` and answers what only a Mac answers
(a prediction and, for a stateful model, a state); it changes no tolerance and skips nothing that
the simulator fails. Left out are the tests of the old neural-network format, which holds no ML
Program, by the suite's own ``PYMIL_TEST_TARGETS``, and the file of the random operations, whose
values no two runtimes share.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

MACOS = (15, 0)
LEFT_OUT = "test_random.py"
OUTCOMES = pytest.StashKey[dict[str, Counter[str]]]()
CAUSES = pytest.StashKey[Counter[str]]()
ERRORS = pytest.StashKey[dict[str, tuple[float, str]]]()
reached: set[str] = set()
errors: dict[str, float] = {}
"""By test that reached a prediction, the largest error it compared: the greatest difference from
what it expects, over the greatest expected value, or over 1 where that is less."""
current = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", default="0/1", help="run the part I of N alone: I/N, by hash")
    parser.addoption("--results", type=Path, help="write results by test file as JSON")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["PYMIL_TEST_TARGETS"] = "mlprogram"
    from export.bundle.quiet import quiet

    with quiet():
        import coremltools as ct
        import coremltools.converters.mil.testing_utils as testing
    # The other suites of the wheel look in other places; their modules are imported after this.
    ct._deps._IS_MACOS = testing._IS_MACOS = True
    ct.utils._is_macos, ct.utils._macos_version = (lambda: True), (lambda: MACOS)
    testing.run_core_ml_predict = run_core_ml_predict
    # A few tests ask the model itself.
    ct.models.MLModel.predict = predict
    ct.models.MLModel.make_state = make_state
    ct.models.MLModel.get_compiled_model_path = no_compiler
    config.stash[OUTCOMES] = defaultdict(Counter)
    config.stash[CAUSES] = Counter()
    config.stash[ERRORS] = {}
    watch_comparisons()


def watch_comparisons() -> None:
    """Keep the error of every comparison that the tests make with NumPy after a prediction."""
    import numpy as np

    compare = np.testing.assert_allclose

    def watched(actual: Any, desired: Any, *arguments: Any, **options: Any) -> None:
        if current in reached and np.shape(actual) == np.shape(desired):
            keep_error(np.asarray(actual), np.asarray(desired))
        compare(actual, desired, *arguments, **options)

    np.testing.assert_allclose = watched


def keep_error(actual: Any, desired: Any) -> None:
    import numpy as np

    if not actual.size or actual.dtype.kind not in "iufb" or desired.dtype.kind not in "iufb":
        return
    actual, desired = actual.astype(np.float64), desired.astype(np.float64)
    finite = np.isfinite(actual) & np.isfinite(desired)
    if finite.any():
        scale = max(1.0, float(np.abs(desired[finite]).max()))
        error = float(np.abs(actual[finite] - desired[finite]).max()) / scale
        errors[current] = max(errors.get(current, 0.0), error)


def run_core_ml_predict(mlmodel: Any, input_key_values: dict[str, Any], state: Any = None) -> Any:
    """What the tests ask for a prediction. As in the function whose place it takes, a scalar goes
    in as a vector of one."""
    import numpy as np

    feeds = {
        name: value if hasattr(value, "getbands") else np.atleast_1d(value)
        for name, value in input_key_values.items()
    }
    return predict(mlmodel, feeds, state)


def predict(mlmodel: Any, data: Any, state: Any = None) -> Any:
    """``MLModel.predict`` up to the point where it asks Core ML, and then the simulator."""
    from export.simulator import Simulator, SimulatorError

    if mlmodel.get_spec().WhichOneof("Type").startswith("neuralNetwork"):
        pytest.skip("the neural-network format, not an ML Program")
    reached.add(current)
    mlmodel._check_predict_data(data)
    rows = data if isinstance(data, list) else [data]
    for row in rows:
        mlmodel._verify_input_dict(row)
        mlmodel._convert_tensor_to_numpy(row)
    simulator = Simulator(mlmodel, function=mlmodel.function_name)
    try:
        results = [simulator.predict(row, state) for row in rows]
    except SimulatorError as error:
        raise RuntimeError(str(error)) from None  # as Core ML refuses an input
    return results if isinstance(data, list) else results[0]


def make_state(mlmodel: Any) -> Any:
    """A fresh state, as ``MLModel.make_state`` gives on a Mac."""
    from export.simulator import Simulator

    return Simulator(mlmodel, function=mlmodel.function_name).make_state()


def no_compiler(mlmodel: Any) -> Any:
    """A compiled model is Core ML's own, and no prediction."""
    pytest.skip("needs the compiler of Core ML")


def chosen(item: pytest.Item, part: int, parts: int) -> bool:
    """Whether a test belongs to the part: folder, file and name alone decide, on every machine."""
    place = "/".join(item.path.parts[-2:])
    name = f"{place}::{item.nodeid.partition('::')[2]}"
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % parts == part


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part, parts = map(int, config.getoption("--part").split("/"))
    kept, left = [], []
    for item in items:
        stays = item.path.name != LEFT_OUT and chosen(item, part, parts)
        (kept if stays else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def pytest_collection_finish() -> None:
    """Each conversion collects garbage: spare it the modules and tests that stay anyway."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    global current
    current = item.nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    outcomes = item.config.stash[OUTCOMES]
    name = "/".join(item.path.parts[-2:])
    if report.when == "call" or (report.when == "setup" and not report.passed):
        outcomes[name][report.outcome] += 1
        if item.nodeid in reached:
            outcomes[name][f"reached_{report.outcome}"] += 1
        if report.passed and item.nodeid in errors:
            kept = item.config.stash[ERRORS]
            kept[name] = max(kept.get(name, (0.0, "")), (errors[item.nodeid], item.originalname))
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
            "errors": session.config.stash[ERRORS],
        }
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
