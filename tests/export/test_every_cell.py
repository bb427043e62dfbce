"""Every cell of the table that `python -m export.support` prints, as a Core ML package against
`transformers`: all of them by `make cells`, a few of them whenever tests run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import export.coreml
from distill.families.table import FAMILIES
from export.bundle.compress import COMPRESSIONS
from export.support import supports
from export.tasks.table import TASKS
from tests.export.tiny_models import save_checkpoint

Cell = tuple[str, str, str]
CELLS: list[Cell] = [
    (name, task, layout)
    for name, family in FAMILIES.items()
    for task in TASKS
    if supports(family, task)
    for layout in family.layouts
]
FORMATS = [name for name, each in COMPRESSIONS.items() if name != "auto" and each.activations == 16]
FORMAT_OF = {
    cell: FORMATS[(shift + index) % len(FORMATS)]
    for shift, name in enumerate(FAMILIES)
    for index, cell in enumerate(each for each in CELLS if each[0] == name)
}
"""In turn, and shifted by model type: every format meets every task and layout somewhere."""
FEW = CELLS[20::40]
"""Cells that lie far apart in the table."""
LENGTHS = ("16", "32")


def check(cell: Cell, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, task, layout = cell
    save_checkpoint(name, task, folder / "tiny")
    command = ["--model", str(folder / "tiny"), "--task", task, "--layout", layout]
    command += ["--quantize", FORMAT_OF[cell], "--lengths", ",".join(LENGTHS)]
    assert export.coreml.main([*command, "--out", str(folder / "out"), "--json"]) == 0
    proof = json.loads(capsys.readouterr().out)["difference"]
    assert proof["passed"] and proof["witness"].startswith("transformers")
    assert proof["inputs"] > 5 and proof["texts"] > 5 and not proof["overflow"]
    settings = json.loads((folder / "out" / "model.json").read_text())
    assert (settings["task"], settings["layout"]) == (task, layout)
    assert settings["tokenizer"] in FAMILIES[name].tokenizers
    assert settings["pair_separators"] == FAMILIES[name].pair_separators
    assert tuple(settings["functions"]) == LENGTHS


@pytest.mark.cells
@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_every_cell_is_within_tolerance_of_transformers(
    cell: Cell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(cell, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("cell", FEW, ids="-".join)
def test_a_few_cells_are_within_tolerance_of_transformers(
    cell: Cell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(cell, tmp_path, capsys)
