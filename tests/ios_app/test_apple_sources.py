"""The Swift files for Apple's systems: type-checked against stubs of the calls they make."""

from __future__ import annotations

from pathlib import Path

import pytest
from toolchain import PACKAGE, Toolchain

pytestmark = pytest.mark.slow  # the package is built first

STUBS = "Tests/Stubs"
MODULES = "build/modules"
FRAMEWORKS = {
    "os": ["os.swift"],
    "Darwin": ["Darwin.swift"],
    "CoreML": ["CoreML.swift"],
    "CoreAI": ["CoreAI.swift"],
    "UIKit": ["UIKit.swift"],
    "SwiftUI": ["SwiftUI.swift", "SwiftUIViews.swift", "SwiftUIMore.swift"],
}
OWN = {
    "TextModels": "Sources/TextModels",
    "TextModelsCoreML": "Sources/TextModelsCoreML",
    "TextModelsCoreAI": "Sources/TextModelsCoreAI",
    "QADemo": "QADemo/App",
}
TESTS = {
    "QADemoTests": "XCTestMetrics.swift",
    "QADemoPerformanceTests": "XCTestMetrics.swift",
    "QADemoUITests": "XCUITests.swift",
}
"""With the stub of what Apple's XCTest has for them."""


def sources(folder: str) -> list[str]:
    """The Swift files below a folder, as the package sees them."""
    found = sorted((PACKAGE / folder).rglob("*.swift"))
    assert found, folder
    return [path.relative_to(PACKAGE).as_posix() for path in found]


def emit(swift: Toolchain, module: str, files: list[str], language: str) -> None:
    """Compile files into a module that others can import."""
    arguments = ["-swift-version", language, "-emit-module", "-enable-testing"]
    arguments += ["-parse-as-library", "-module-name", module]
    target = ["-I", MODULES, "-o", f"{MODULES}/{module}.swiftmodule"]
    done = swift.run("swiftc", *arguments, *target, *files)
    assert done.returncode == 0, f"{module}:\n{done.stdout}"


def check(swift: Toolchain, files: list[str]) -> tuple[bool, str]:
    """Whether files type-check, and what the compiler says."""
    done = swift.run(
        "swiftc", "-swift-version", "6", "-typecheck", "-parse-as-library", "-I", MODULES, *files
    )
    return done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def modules(swift: Toolchain) -> Toolchain:
    """The toolchain, with the stubs and the project's own modules compiled."""
    (PACKAGE / MODULES).mkdir(parents=True, exist_ok=True)
    for module, files in FRAMEWORKS.items():
        emit(swift, module, [f"{STUBS}/{name}" for name in files], "5")
    for module, folder in OWN.items():
        emit(swift, module, sources(folder), "6")
    return swift


@pytest.mark.parametrize("folder", TESTS)
def test_tests_of_the_app_type_check(modules: Toolchain, folder: str) -> None:
    passed, said = check(modules, [*sources(folder), f"{STUBS}/{TESTS[folder]}"])
    assert passed, said


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("CoreAIPredictor.swift", "outputs.remove(name)?.ndArray", "outputs[name]?.ndArray"),
        ("CoreAILoader.swift", "self = .cpuOnly", "self = .cpu"),
        ("CoreMLPredictor.swift", "multiArrayValue else", "multiArray else"),
        (
            "CoreMLPredictor.swift",
            "MLShapedArray<Int32>(",
            "MLShapedArray<UInt8>(",
        ),
        ("CoreMLLoader.swift", "return .fastPrediction", "return .fast"),
        ("CompiledModelCache.swift", "try await MLModel.compileModel", "MLModel.compileModel"),
        ("DeviceState.swift", "info.kp_proc.p_flag", "info.p_flag"),
    ],
)
def test_a_mistake_is_found(modules: Toolchain, source: str, right: str, wrong: str) -> None:
    (path,) = (PACKAGE / "Sources").rglob(source)
    text = path.read_text(encoding="utf-8")
    assert right in text
    broken = PACKAGE / MODULES / source
    broken.write_text(text.replace(right, wrong), encoding="utf-8")
    others = [each for each in sources(f"Sources/{path.parent.name}") if Path(each).name != source]
    passed, said = check(modules, [*others, f"{MODULES}/{source}"])
    broken.unlink()
    assert not passed
    assert f"{source}:" in said
