"""The Swift toolchain for the tests of the package and of the app's sources."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the modules that the tests here share

from toolchain import OPTIMIZED, Toolchain, find_toolchain


@pytest.fixture(scope="session")
def swift() -> Toolchain:
    """A toolchain, or the reason why the test is skipped."""
    found = find_toolchain()
    if found is None:
        pytest.skip("needs Swift: swift and swiftc on the PATH")
    return found


@pytest.fixture(scope="session")
def package(swift: Toolchain) -> Toolchain:
    """The toolchain, with the package, its command and its tests built: once for all tests."""
    built = swift.run("swift", "build", "--build-tests", *OPTIMIZED)
    assert built.returncode == 0, built.stdout
    return swift
