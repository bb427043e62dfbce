"""Data sets as rows: folders that `datasets` saved, folders of files, splits, classes by name."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from distill.console.errors import UserError
from distill.corpus.dataset_rows import Source, data_set, read_data_set
from distill.finetune import main as finetune
from distill.models.fingerprint import contents
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import read_rows
from distill.tasks.table import TASKS
from distill.tasks.tagged_texts import read_tagged, read_untagged

NAMES = ["ham", "spam"]
HAS_DATASETS = importlib.util.find_spec("datasets") is not None
needs_datasets = pytest.mark.skipif(not HAS_DATASETS, reason="needs the extra `hub`")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if HAS_DATASETS:
        import datasets

        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def labelled(count: int, missing: bool = False) -> Any:
    from datasets import ClassLabel, Dataset, Features, Value

    rows = [{"text": f"text {n}", "label": -1 if missing else n % 2} for n in range(count)]
    features = Features(text=Value("string"), label=ClassLabel(names=NAMES))
    return Dataset.from_list(rows, features=features)


def test_names_are_data_sets_or_files(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert data_set("hub:a/b") == Source("a/b", None, None, True)
    assert data_set("hub:a/b:c:test") == Source("a/b", "c", "test", True)
    assert data_set("hub:a/b::test") == Source("a/b", None, "test", True)
    assert data_set(folder) == Source(folder, None, None, False)
    assert data_set(f"{folder}:test") == Source(folder, None, "test", False)
    assert data_set(f"{folder}/train.csv") is None


def test_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    for path in (str(tmp_path), "hub:a/b"):
        with pytest.raises(UserError, match="install the extra `hub`"):
            read_rows(path)


@needs_datasets
def test_saved_folders_have_classes_by_name_and_splits(tmp_path: Path) -> None:
    from datasets import DatasetDict

    labelled(3).save_to_disk(tmp_path / "one")
    assert [row["label"] for row in read_rows(tmp_path / "one")] == ["ham", "spam", "ham"]
    both = tmp_path / "both"
    DatasetDict(train=labelled(3), test=labelled(1), blind=labelled(1, missing=True)).save_to_disk(
        both
    )
    assert len(read_rows(both, training=True)) == 3
    assert len(read_rows(f"{both}:test")) == 1
    assert read_rows(f"{both}:blind")[0]["label"] is None
    with pytest.raises(UserError, match=r"holds several splits; name one as .*both:SPLIT \(it has"):
        read_rows(both)
    with pytest.raises(UserError, match="has no split 'dev'"):
        read_rows(f"{both}:dev")
    classify = TASKS["classify"]
    data = classify.read(TaskOptions(data=str(both), eval_data=f"{both}:test"))
    assert (len(data.train), len(data.scored["dev"])) == (3, 1)
    with pytest.raises(UserError, match="no label in any row"):
        classify.read(TaskOptions(data=f"{both}:blind", eval_data=f"{both}:test"))
    found = classify.read_unlabelled(f"{both}:blind", TaskOptions(), data)
    assert [example.sentence1 for example in found] == ["text 0"]


@needs_datasets
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_folders_of_files_are_read(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for split, count in (("train", 4), ("validation", 2)):
        path = folder / f"{split}.{kind}"
        plain = labelled(count).cast_column("label", __import__("datasets").Value("string"))
        writer = {"csv": plain.to_csv, "jsonl": plain.to_json, "parquet": plain.to_parquet}[kind]
        writer(path)
    assert len(read_rows(folder, training=True)) == 4
    assert [row["text"] for row in read_rows(f"{folder}:validation")] == ["text 0", "text 1"]
    # By the name of a folder the hub's reader takes the same way.
    assert read_data_set(Source(str(folder), None, "validation", True)) == read_rows(
        f"{folder}:validation"
    )


@needs_datasets
def test_words_and_tags_by_number_are_tagged_texts(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, List, Value

    kinds = Features(tokens=List(Value("string")), ner_tags=List(ClassLabel(names=["O", "B-LOC"])))
    rows = [{"tokens": ["in", "Rome"], "ner_tags": [0, 1]}]
    Dataset.from_list(rows, features=kinds).save_to_disk(tmp_path / "saved")
    (found,) = read_tagged(tmp_path / "saved")
    assert (found.text, found.tags) == ("in Rome", ("O", "B-LOC"))
    (blank,) = read_untagged(tmp_path / "saved")
    assert (blank.words, blank.tags) == (found.words, ("O", "O"))


def test_json_lines_of_words_and_tags_are_tagged_texts(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"tokens": ["in", "Rome"], "tags": ["O", "B-LOC"]}) + "\n")
    (found,) = read_tagged(path)
    assert (found.text, found.tags) == ("in Rome", ("O", "B-LOC"))
    for row in ({"tokens": ["Rome"], "tags": []}, {"tokens": "Rome", "tags": ["O"]}):
        path.write_text(json.dumps(row))
        with pytest.raises(UserError, match="row 1: needs lists of equal length"):
            read_tagged(path)


@needs_datasets
def test_classifier_is_trained_on_a_folder_that_datasets_saved(
    small_teacher: Path, tmp_path: Path
) -> None:
    from datasets import DatasetDict

    DatasetDict(train=labelled(8), test=labelled(4)).save_to_disk(tmp_path / "data")
    line = ["--task", "classify", "--data", str(tmp_path / "data"), "--max_length", "32"]
    line += ["--eval_data", f"{tmp_path / 'data'}:test", "--model", str(small_teacher)]
    line += ["--max_steps", "1", "--save_strategy", "no", "--report_to", "none"]
    line += ["--disable_tqdm", "true", "--out", str(tmp_path / "run")]
    assert finetune(line) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert (metrics["examples"], metrics["dev"]["total"]) == (8, 4)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["id2label"] == {"0": "ham", "1": "spam"}


def test_split_of_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    file = tmp_path / "rows" / "train.csv"
    file.write_text("text,label\na,b\n")
    before = contents([f"{tmp_path / 'rows'}:test"])
    assert len(before) == 1
    file.write_text("text,label\na,c\n")
    assert contents([f"{tmp_path / 'rows'}:test"]) != before
