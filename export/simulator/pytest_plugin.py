"""A pytest plugin: with ``--coreml-simulator`` an MLModel predicts in the simulator, so that a
project's own prediction tests run where Core ML is not. With ``=float16`` it rounds as a phone
does.

    pytest --coreml-simulator                            # installed as coreml-simulator
    pytest -p export.simulator.pytest_plugin --coreml-simulator    # within the kit
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

OPTION = "--coreml-simulator"
FLAGS = {
    "float32": (OPTION, f"{OPTION}=float32"),
    "float16": (f"{OPTION}=float16",),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--coreml-simulator``, alone or with ``=PRECISION``; pytest calls it."""
    group = parser.getgroup("coreml-simulator")
    # A flag for each precision: one option with a value would take the path behind it for that.
    for precision, names in FLAGS.items():
        group.addoption(
            *names,
            action="store_const",
            const=precision,
            dest="coreml_simulator",
            help=f"run the predictions of coremltools models in the simulator, in {precision}",
        )


def pytest_configure(config: pytest.Config) -> None:
    """Put the simulator in Core ML's place, before test modules are imported: they may predict
    there; pytest calls it."""
    precision = config.getoption("coreml_simulator")
    if precision is None:
        return
    from .stand_in import standing_in

    stack = ExitStack()
    stack.enter_context(standing_in(precision))
    config.add_cleanup(stack.close)
