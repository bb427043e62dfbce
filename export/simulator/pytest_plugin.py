"""A pytest plugin: with ``--coreml-simulator`` an MLModel predicts in the simulator, so that a
project's own prediction tests run where Core ML is not.

    pytest --coreml-simulator                            # installed as coreml-simulator
    pytest -p export.simulator.pytest_plugin --coreml-simulator    # within the kit
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("coreml-simulator")
    group.addoption(
        "--coreml-simulator",
        choices=("float32", "float16"),
        nargs="?",
        const="float32",
        metavar="PRECISION",
        help="run the predictions of coremltools models in the simulator; float16 rounds as a "
        "phone does (default: float32)",
    )


@pytest.fixture(autouse=True, scope="session")
def _coreml_simulator(request: pytest.FixtureRequest) -> Iterator[None]:
    precision = request.config.getoption("--coreml-simulator")
    if precision is None:
        yield
        return
    import coremltools  # whole, with torch where it is installed: the project may convert

    from .stand_in import replacements

    model: Any = coremltools.models.MLModel
    with pytest.MonkeyPatch.context() as patch:
        for name, method in replacements(precision).items():
            patch.setattr(model, name, method)
        yield
