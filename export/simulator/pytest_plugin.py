"""A pytest plugin: with ``--coreml-simulator`` an MLModel predicts in the simulator, so that a
project's own prediction tests run where Core ML is not.

    pytest --coreml-simulator                            # installed as coreml-simulator
    pytest -p export.simulator.pytest_plugin --coreml-simulator    # within the kit
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--coreml-simulator [PRECISION]``; pytest calls it."""
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
    from .stand_in import standing_in

    with standing_in(precision):
        yield
