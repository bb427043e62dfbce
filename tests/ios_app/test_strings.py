"""The string catalogue: every phrase that the app shows has its German, and none is left over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from toolchain import PACKAGE

APP = PACKAGE / "QADemo" / "App"
LANGUAGES = {"de"}
SHOWN = re.compile(
    r"(?:\b(?:Text|Label|Button|Section|Picker|Toggle|Stepper|TextField|Menu|LabeledContent|"
    r"ProgressView|ShareLink|DisclosureGroup)|\.(?:navigationTitle|accessibilityLabel))\(\s*(?=\")"
    r"|\b(?:localized|title|lines): (?=\")"
)
"""What stands before a phrase that SwiftUI or Foundation looks up."""
PLACEHOLDER = re.compile(r"%(?:\d\$)?(@|lld)")


def literal(text: str, start: int) -> str:
    """The content of the string literal at ``start``, with `\\()` for each interpolation."""
    found, at = "", start + 1
    while text[at] != '"':
        if text.startswith("\\(", at):
            depth, at = 1, at + 2
            while depth:
                depth += {"(": 1, ")": -1}.get(text[at], 0)
                at += 1
            found += "\\()"
        else:
            found += text[at]
            at += 1
    return found


def phrases(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if file.name == "Sample.swift":  # texts to try, as the model takes them
        return
    for match in SHOWN.finditer(text):
        yield literal(text, match.end())


def catalogue() -> dict[str, dict[str, str]]:
    """The translations of each phrase, by language."""
    content = json.loads((APP / "Localizable.xcstrings").read_text(encoding="utf-8"))
    assert (content["sourceLanguage"], content["version"]) == ("en", "1.0")
    return {
        phrase: {
            language: unit["stringUnit"]["value"]
            for language, unit in entry["localizations"].items()
        }
        for phrase, entry in content["strings"].items()
    }


def shape(phrase: str) -> str:
    """A phrase with its interpolations or placeholders alike, as they are looked up."""
    return re.sub(r"\\\(\)|%(@|lld)", "%", phrase).replace("%%", "%")


def test_every_phrase_of_the_app_is_in_the_catalogue_and_none_is_left_over() -> None:
    shown = {shape(phrase) for file in APP.rglob("*.swift") for phrase in phrases(file)}
    kept = {shape(phrase) for phrase in catalogue()}
    assert len(shown) > 60
    assert shown - kept == set()
    assert kept - shown == set()


def test_every_phrase_is_translated_with_its_placeholders() -> None:
    for phrase, translations in catalogue().items():
        assert set(translations) == LANGUAGES, phrase
        wanted = sorted(PLACEHOLDER.findall(phrase))
        for text in translations.values():
            assert text.strip()
            assert sorted(PLACEHOLDER.findall(text)) == wanted, phrase


def test_languages_are_those_of_the_project() -> None:
    project = (PACKAGE / "QADemo.xcodeproj" / "project.pbxproj").read_text(encoding="utf-8")
    (regions,) = re.findall(r"knownRegions = \(([^)]*)\)", project)
    assert {region.strip() for region in regions.split(",")} - {""} == {"en", "Base", *LANGUAGES}
