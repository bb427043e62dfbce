"""The page on extending, held against the code."""

from __future__ import annotations

import ast
import dataclasses
import functools
import json
import re
import sys
import time
import types
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from distill.console.errors import UserError
from distill.families.table import FAMILIES, family_of
from distill.families.table import table as families_table
from distill.tasks.glue import TASKS as GLUE
from distill.tasks.table import TASKS as TRAINED
from distill.tasks.table import Row
from export.simulator import Simulator
from export.simulator.errors import SimulatorError
from export.simulator.graph import Graph
from tests.docs.commands import ROOT
from tests.export.simulator.programs import convert, simulate

PACKAGES = ("distill", "export", "bench")
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


@functools.cache
def words_of_files() -> dict[str, set[str]]:
    """Whole strings, and names of Python, in each file of the packages."""
    words: dict[str, set[str]] = {}
    paths = (path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    for path in (path for path in paths if "build" not in path.parts):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        found = {node.value for node in nodes if isinstance(node, ast.Constant)}
        found |= {node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.alias))}
        found |= {node.id for node in nodes if isinstance(node, ast.Name)}
        words[path.relative_to(ROOT).as_posix()] = {word for word in found if isinstance(word, str)}
    return words


def files_that_know(*names: str) -> list[str]:
    """Files of the packages with one of ``names``."""
    return sorted(path for path, words in words_of_files().items() if words & set(names))


@pytest.mark.parametrize(
    ("addition", "names"),
    [
        ("electra", ("electra", "ELECTRA")),
        ("mobilebert", ("mobilebert", "MOBILEBERT", "MobileBertEncoder")),
        ("imdb", ("imdb", "Imdb")),
        ("mlm", ("MaskedLanguageModel",)),  # families have heads of that name
        ("lut8", ("lut8",)),
        ("band_part", ("band_part",)),
        ("coreml-gpu", ("coreml-gpu",)),
    ],
)
def test_files_that_an_addition_touches_are_those_of_the_page(
    addition: str, names: tuple[str, ...]
) -> None:
    (row,) = re.findall(rf"^\| the [^|]*`{addition}`[^|]*\| (\d+) \| (.*) \|$", PAGE, re.M)
    count, files = int(row[0]), re.findall("`([^`]+)`", row[1])
    assert files_that_know(*names) == sorted(files)
    assert len(files) == count


MODEL_TYPES_ELSEWHERE = {
    "distill/models/presets.py",  # configurations that are shipped
    "export/encoder/task_model.py",  # encoders by the name that records give
}


def test_model_types_are_named_in_their_records_alone() -> None:
    named = {path for model_type in FAMILIES for path in files_that_know(model_type)}
    rest = {path for path in named if not path.startswith("distill/families/")}
    assert rest <= MODEL_TYPES_ELSEWHERE


def test_operations_stand_in_one_file_each() -> None:
    from export.simulator.operations import OPERATIONS, load_operations

    load_operations()
    room = "export.simulator.operations."
    assert len(OPERATIONS) > 150
    assert all(translate.__module__.startswith(room) for translate in OPERATIONS.values())


EXPORTED_AS = {"squad": "qa", "squad2": "qa", "imdb": "classify", **dict.fromkeys(GLUE, "classify")}
"""The task of a package, where a task of training is called otherwise."""
WITHOUT_A_TASK_OF_TRAINING = {"mlm", "features"}  # distill.adapt_mlm; any encoder


def test_tables_of_tasks_agree() -> None:
    """What is trained can be exported, and what is exported can be trained."""
    from export.tasks.table import TASKS as exported

    of_training = {EXPORTED_AS.get(name, name) for name in TRAINED}
    assert set(EXPORTED_AS) <= set(TRAINED)
    assert of_training.isdisjoint(WITHOUT_A_TASK_OF_TRAINING)
    assert of_training | WITHOUT_A_TASK_OF_TRAINING == set(exported)


@pytest.mark.parametrize("name", TRAINED)
def test_both_tables_load_a_task_by_the_same_class(name: str) -> None:
    from export.tasks.table import TASKS as exported

    if (kind := TRAINED[name].kind) is not None:
        assert kind.__name__ == exported[EXPORTED_AS.get(name, name)].auto_class


def test_a_new_task_to_train_is_one_file_and_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both commands take its name, its options and its defaults."""
    from distill.evaluate import EvaluateArguments
    from distill.finetune import FinetuneArguments
    from distill.tasks.classify import Classify
    from distill.tasks.table import TASKS, task_named

    class Stance(Classify):
        max_length = 77

    file = types.ModuleType("distill.tasks.stance")
    file.Stance = Stance  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, file.__name__, file)
    with pytest.raises(UserError, match="unknown task 'stance'"):
        FinetuneArguments(model="m", task="stance", data="rows.csv")
    monkeypatch.setitem(TASKS, "stance", Row("stance", "Stance").task("stance"))
    for chosen in (
        FinetuneArguments(model="m", task="Stance", data="rows.csv", label="side"),
        EvaluateArguments(model=["m"], task="stance", data="rows.csv", label="side"),
    ):
        assert (chosen.task, chosen.max_length) == ("stance", 77)
    with pytest.raises(UserError, match="--train_file is not an option of stance"):
        FinetuneArguments(model="m", task="stance", train_file="x.json")
    assert isinstance(task_named("stance"), Stance)


def test_every_row_of_tasks_makes_a_task_of_its_name() -> None:
    for name in TRAINED:
        assert TRAINED[name].name == name


def test_a_new_task_to_export_is_one_file_and_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for by name, and found from the architecture of a checkpoint."""
    from export.coreml import parser
    from export.tasks.classify import Classify
    from export.tasks.table import TASKS, task_named, tasks_of

    record = dataclasses.replace(Classify(), name="stance", architecture="ForStance")
    with pytest.raises(UserError, match="unknown task 'stance'"):
        task_named("stance")
    monkeypatch.setitem(TASKS, "stance", record)
    assert task_named("stance") is record
    assert tasks_of(["BertForStance"]) == ["stance"]
    assert parser().parse_args(["--task", "stance"]).task == "stance"


def test_a_new_quantization_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes it, the target is checked, and weights are stored in its bits."""
    from export.bundle.compress import COMPRESSIONS, Compression, check_target, compress_weights
    from export.coreml import parser

    with pytest.raises(UserError, match="--quantize: invalid choice: 'lut2'"):
        parser().parse_args(["--quantize", "lut2"])
    monkeypatch.setitem(COMPRESSIONS, "lut2", Compression(2, "palette", "iOS17", 5.0))
    assert parser().parse_args(["--quantize", "lut2"]).quantize == "lut2"
    with pytest.raises(UserError, match="lut2 needs --target iOS17 or later, not iOS16"):
        check_target("lut2", "iOS16")
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    model = convert(
        lambda x: mb.linear(x=x, weight=weights),
        [mb.TensorSpec(shape=(1, 64))],
        target=ct.target.iOS18,
    )
    smaller = compress_weights(model, "lut2", "iOS18")
    x = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32)
    full, few = (next(iter(Simulator(m).predict({"x": x}).values())) for m in (model, smaller))
    assert 0.01 < np.abs(full - few).max() / np.abs(full).max() < 1


def test_a_new_operation_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a program is refused by its name; a second one of a name is an error."""
    from export.simulator.operations import OPERATIONS, operation

    x = np.array([[-1.0, 2.0]], np.float32)
    assert simulate(lambda x: mb.relu(x=x), x=x).tolist() == [[0, 2]]
    monkeypatch.delitem(OPERATIONS, "relu")
    with pytest.raises(SimulatorError, match="relu"):
        simulate(lambda x: mb.relu(x=x), x=x)

    @operation("relu")
    def relu(graph: Graph, op: Any) -> str:
        return graph.node("Relu", [graph.value(op.x)])

    assert simulate(lambda x: mb.relu(x=x), x=x).tolist() == [[0, 2]]
    with pytest.raises(ValueError, match="'relu' is registered twice"):
        operation("relu")(relu)


def test_a_new_runtime_is_one_module_and_one_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.compare import main
    from bench.runtimes.registry import RUNTIMES, Prepared, Runtime

    module = types.ModuleType("bench.runtimes.sleeping")

    def prepare(name: str, model: Any, lengths: tuple[int, ...], folder: Path) -> Prepared:
        return Prepared(name, model.source, model.kind, model.random_weights, 1_000_000)

    module.prepare = prepare  # type: ignore[attr-defined]
    module.load = lambda prepared, threads: lambda inputs: time.sleep(0.001)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = ["qa-mini", "--runtime", "sleeping", "--workload", "fixed:8", "--seconds", "0.05"]
    assert main([*line, "--no-memory"]) == 2
    assert "unknown runtime 'sleeping'" in capsys.readouterr().err
    monkeypatch.setitem(RUNTIMES, "sleeping", Runtime("sleeping", ("checkpoint",), "sleeps 1 ms"))
    assert main([*line, "--no-memory", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["runtime"], row["size_mb"]) == ("sleeping", 1.0)
    assert row["median_ms"] >= 1
