"""The page on extending, held against the code."""

from __future__ import annotations

import dataclasses
import re

import pytest

from distill.console.errors import UserError
from distill.families.table import FAMILIES, family_of
from distill.families.table import table as families_table
from tests.docs.commands import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def test_places_named_on_the_page_exist() -> None:
    named = re.findall(r"`((?:distill|export|bench|tests)/[\w/.]*)`", PAGE)
    assert len(named) > 12
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_a_new_model_type_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    record = dataclasses.replace(FAMILIES["roberta"], model_type="new-roberta")
    with pytest.raises(UserError, match="new-roberta"):
        family_of("new-roberta", "a checkpoint")
    monkeypatch.setitem(FAMILIES, "new-roberta", record)
    assert family_of("new-roberta", "a checkpoint") is record


def test_a_second_record_of_a_model_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="twice"):
        families_table([FAMILIES["bert"], FAMILIES["bert"]])


def test_tasks_that_export_and_training_share_have_one_name() -> None:
    """A checkpoint of a task that is trained on one's own data can be exported under its name."""
    from distill.tasks.table import TASKS as trained
    from export.tasks.table import TASKS as exported

    own_data = {"classify", "tokens", "embed", "rank"}
    assert own_data & set(trained) <= set(exported)
