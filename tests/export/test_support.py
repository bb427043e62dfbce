"""The tables of the README and of the page on support are those that `export.support` prints."""

from __future__ import annotations

import json
import re

import pytest

from distill.families.table import FAMILIES
from export.support import (
    SWIFT_TOKENIZERS,
    main,
    markdown,
    rows,
    student_rows,
    task_rows,
)
from export.tasks.table import TASKS
from tests.docs.commands import ROOT

SWIFT = ROOT / "ios_app" / "Sources" / "TextModels"


def test_table_of_the_readme_is_printed_from_the_tables() -> None:
    assert markdown(rows()) in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [rows, student_rows, task_rows])
def test_tables_of_the_page_are_printed_from_the_tables(table) -> None:  # type: ignore[no-untyped-def]
    assert markdown(table()) in (ROOT / "docs" / "support.md").read_text(encoding="utf-8")


def test_command_prints_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out.strip()
    assert printed == "\n\n".join(map(markdown, (rows(), student_rows(), task_rows())))


def test_json_has_a_row_for_each_model_type_and_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["model type"] for row in found["Model types by task"]} == {*FAMILIES}
    assert {row["task"] for row in found["Tasks by stage"]} == {*TASKS}
    assert all(row["Core ML"] == "yes" for row in found["Tasks by stage"])


def test_tasks_of_swift_are_those_of_its_sources() -> None:
    source = (SWIFT / "Tasks" / "TextModel.swift").read_text(encoding="utf-8")
    (body,) = re.findall(r"enum TextTask: String[^{]*\{([^}]*)\}", source)
    cases = re.findall(r'case (\w+)(?: = "(\w+)")?', body)
    assert sorted(name for name, task in TASKS.items() if task.in_swift) == sorted(
        value or name for name, value in cases
    )


def test_tokenizers_of_swift_are_those_of_its_sources() -> None:
    files = "".join(path.read_text(encoding="utf-8") for path in (SWIFT / "Tokenizers").iterdir())
    for kind in SWIFT_TOKENIZERS:
        assert re.search(rf'"{kind}"', files, re.IGNORECASE), kind


def test_every_task_that_can_be_trained_has_its_command() -> None:
    trained = {row[0]: row[1] for row in task_rows()[1:]}
    assert trained["qa"] == "finetune --task squad, squad2"
    assert trained["rank"] == "finetune --task rank"
    assert "imdb" in trained["classify"] and "classify" in trained["classify"]
    assert trained["features"] == "-"
