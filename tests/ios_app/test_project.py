"""The Xcode project: it can be read, what it names exists, and it holds together."""

from __future__ import annotations

import json
import plistlib
import re
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from pbxproj import parse
from toolchain import PACKAGE

from export.coreml import APP_MODELS

FILE = PACKAGE / "QADemo.xcodeproj" / "project.pbxproj"
SCHEMES = FILE.parent / "xcshareddata" / "xcschemes"
TESTS = ("QADemoTests", "QADemoPerformanceTests", "QADemoUITests")
IDENTIFIER = re.compile(r"[0-9A-F]{24}")


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    project = parse(FILE.read_text(encoding="utf-8"))
    assert project["objectVersion"] == "77"
    assert project["objects"][project["rootObject"]]["isa"] == "PBXProject"
    return dict(project["objects"])


def of(objects: dict[str, Any], isa: str) -> list[dict[str, Any]]:
    return [entry for entry in objects.values() if entry["isa"] == isa]


def paths(objects: dict[str, Any]) -> dict[str, Path]:
    """Where each file and folder of the project's groups is."""
    project = of(objects, "PBXProject")[0]
    found: dict[str, Path] = {}

    def walk(identifier: str, parent: Path) -> None:
        entry = objects[identifier]
        path = parent / entry["path"] if "path" in entry else parent
        if entry["sourceTree"] == "<group>":
            found[identifier] = path
        for child in entry.get("children", []):
            walk(child, path)

    walk(project["mainGroup"], PACKAGE)
    return found


def test_every_file_it_names_exists(objects: dict[str, Any]) -> None:
    named = paths(objects)
    assert len(named) > 10
    assert [path for path in named.values() if not path.exists()] == []
    for package in of(objects, "XCLocalSwiftPackageReference"):
        assert (PACKAGE / package["relativePath"] / "Package.swift").is_file()


def test_every_object_it_refers_to_exists_and_none_is_left_over(objects: dict[str, Any]) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert set(IDENTIFIER.findall(text)) == set(objects)
    for identifier in objects:
        assert text.count(identifier) > 1, objects[identifier]


def test_targets_have_sources_and_settings(objects: dict[str, Any]) -> None:
    targets = {target["name"]: target for target in of(objects, "PBXNativeTarget")}
    assert set(targets) == {"QADemo", "QADemoTests", "QADemoPerformanceTests", "QADemoUITests"}
    where = paths(objects)
    for target in targets.values():
        folders = [where[group] for group in target["fileSystemSynchronizedGroups"]]
        assert any(list(folder.rglob("*.swift")) for folder in folders)
        configurations = objects[target["buildConfigurationList"]]["buildConfigurations"]
        assert [objects[c]["name"] for c in configurations] == ["Debug", "Release"]
        assert all(objects[c]["baseConfigurationReference"] in where for c in configurations)


def test_models_are_copied_as_they_are_from_where_the_exporter_writes(
    objects: dict[str, Any],
) -> None:
    copied = [
        objects[build["fileRef"]]
        for phase in of(objects, "PBXResourcesBuildPhase")
        for build in map(objects.__getitem__, phase["files"])
    ]
    assert [entry["lastKnownFileType"] for entry in copied] == ["folder"]
    folder = next(path for key, path in paths(objects).items() if objects[key] is copied[0])
    assert folder == PACKAGE.parent / APP_MODELS
    synchronized = of(objects, "PBXFileSystemSynchronizedRootGroup")
    roots = [path for key, path in paths(objects).items() if objects[key] in synchronized]
    assert not any(folder.is_relative_to(root) for root in roots)


def test_products_of_the_package_are_there(objects: dict[str, Any]) -> None:
    manifest = (PACKAGE.parent / "Package.swift").read_text(encoding="utf-8")
    for product in of(objects, "XCSwiftPackageProductDependency"):
        assert f'.library(name: "{product["productName"]}"' in manifest
    assert ".package(url" not in manifest


@pytest.mark.parametrize(
    ("name", "tested", "configuration"),
    [
        ("QADemo", ["QADemoTests", "QADemoUITests"], "Debug"),
        ("QADemoPerformance", ["QADemoPerformanceTests"], "Release"),
    ],
)
def test_scheme_names_targets_of_the_project(
    objects: dict[str, Any], name: str, tested: list[str], configuration: str
) -> None:
    scheme = ElementTree.parse(SCHEMES / f"{name}.xcscheme")
    for reference in scheme.iter("BuildableReference"):
        target = objects[reference.attrib["BlueprintIdentifier"]]
        assert target["name"] == reference.attrib["BlueprintName"]
        product = objects[target["productReference"]]
        assert product["path"] == reference.attrib["BuildableName"]
    testables = scheme.iterfind(".//Testables//BuildableReference")
    assert [reference.attrib["BlueprintName"] for reference in testables] == tested
    action = scheme.find("TestAction")
    assert action is not None
    assert action.attrib["buildConfiguration"] == configuration
    # times under a debugger are not the app's
    assert (action.attrib["selectedDebuggerIdentifier"] == "") == (configuration == "Release")


def test_settings_files_can_be_read() -> None:
    for file in (PACKAGE / "Config").glob("*.xcconfig"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert re.fullmatch(
                r'|//.*|#include\? "\w+\.xcconfig"|[A-Z_a-z]+(\[config=\w+\])? = .+', line
            ), f"{file.name}: {line}"


def test_privacy_manifest_says_that_nothing_is_collected() -> None:
    manifest = plistlib.loads((PACKAGE / "QADemo/App/PrivacyInfo.xcprivacy").read_bytes())
    assert manifest == {
        "NSPrivacyTracking": False,
        "NSPrivacyTrackingDomains": [],
        "NSPrivacyCollectedDataTypes": [],
        "NSPrivacyAccessedAPITypes": [],
    }
    # APIs for which Apple wants a reason
    wanted = re.compile(r"UserDefaults|systemUptime|volumeAvailable|creationDate|modificationDate")
    for folder in ("Sources", "QADemo"):
        for file in (PACKAGE / folder).rglob("*.swift"):
            assert not wanted.search(file.read_text(encoding="utf-8")), file.name


def test_icon_is_as_the_app_store_wants_it() -> None:
    """1,024 pixels a side, without transparency."""
    folder = PACKAGE / "QADemo/App/Assets.xcassets/AppIcon.appiconset"
    (image,) = json.loads((folder / "Contents.json").read_text(encoding="utf-8"))["images"]
    header = (folder / image["filename"]).read_bytes()[:26]
    assert header[1:4] == b"PNG"
    width, height, _, colour = struct.unpack(">IIBB", header[16:26])
    assert (width, height, colour) == (1024, 1024, 2)


def test_tests_of_the_screens_know_every_task() -> None:
    kinds = (PACKAGE / "QADemo/App/Tasks/TaskKind.swift").read_text(encoding="utf-8")
    screens = (PACKAGE / "QADemoUITests/ScreensTests.swift").read_text(encoding="utf-8")
    (listed,) = re.findall(r"tasks = \[(.*)\]", screens)
    assert re.findall(r'"([\w-]+)"', listed) == re.findall(r'\bid: "([\w-]+)"', kinds)


def test_swift_files_are_small() -> None:
    made = "// Made by Tools/make_unicode_tables.py"  # tables
    for folder in ("Sources", "Tests", "QADemo", *TESTS):
        for file in (PACKAGE / folder).rglob("*.swift"):
            text = file.read_text(encoding="utf-8")
            lines = len(text.splitlines())
            assert lines <= (400 if text.startswith(made) else 250), f"{file.name}: {lines} lines"


@pytest.mark.parametrize("broken", ["{ a = 1 }", "{ a = 1; a = 2; }", "{ a = ~; }", "{}{}"])
def test_a_broken_project_is_noticed(broken: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(broken)
