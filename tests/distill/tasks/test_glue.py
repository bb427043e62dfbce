"""GLUE: every official file is read to its last row, the metrics are the official ones."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from distill.console.errors import UserError
from distill.corpus import hub
from distill.tasks.glue import TASKS, load_examples, macro_score, score

# Rows of train and dev as published with the benchmark.
ROWS = {
    "cola": (8_551, 1_043),
    "mrpc": (3_668, 408),
    "rte": (2_490, 277),
    "sst2": (67_349, 872),
    "stsb": (5_749, 1_500),
    "wnli": (635, 71),
}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("task", ROWS)
def test_official_files_are_read_to_the_last_row(task: str, shared_data: Path) -> None:
    splits = [load_examples(task, split, shared_data / "glue") for split in ("train", "dev")]
    assert tuple(map(len, splits)) == ROWS[task]
    pairs = TASKS[task].sentence2 is not None
    assert all(bool(example.sentence2) == pairs for rows in splits for example in rows)


@pytest.mark.parametrize(
    ("task", "ones"), [("cola", 721), ("sst2", 444), ("mrpc", 279), ("rte", 131), ("wnli", 31)]
)
def test_labels_come_from_the_right_column(task: str, ones: int, shared_data: Path) -> None:
    examples = load_examples(task, "dev", shared_data / "glue")
    assert sum(example.label for example in examples) == ones


def test_the_byte_order_mark_and_quotes_are_read_as_published(shared_data: Path) -> None:
    first = load_examples("mrpc", "dev", shared_data / "glue")[0]
    assert first.sentence1.startswith("He said the foodservice pie business")
    quoted = [e for e in load_examples("mrpc", "train", shared_data / "glue") if '"' in e.sentence1]
    assert quoted  # quotes are text


def test_stsb_scores_keep_their_fractions(shared_data: Path) -> None:
    scores = {e.label for e in load_examples("stsb", "dev", shared_data / "glue")}
    assert len(scores) == 78  # written in 161 ways: 0, 0.0, 0.00
    assert {0.0, 0.083, 5.0} <= scores


def test_mnli_and_qqp_have_their_own_columns(tmp_path: Path) -> None:
    header = "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
    write(tmp_path, "MNLI/dev_mismatched.tsv", header + "0\tIt rains.\tIt is dry.\tx\tneutral\n")
    (mnli,) = load_examples("mnli", "dev_mismatched", tmp_path)
    assert (mnli.sentence2, mnli.label) == ("It is dry.", 2)
    rows = (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tWho?\tWhich?\t1\n9\t9\tcut\n"
    )
    write(tmp_path, "QQP/train.tsv", rows)
    (qqp,) = load_examples("QQP", "train", tmp_path)  # the row cut short is dropped
    assert (qqp.sentence1, qqp.sentence2, qqp.label) == ("Who?", "Which?", 1)


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        (
            "sst2",
            "sentence\tlabel\ngood\t1\nbad\t2\n",
            r"dev.tsv, line 3: '2' is not a label \(expected 0 or 1\)",
        ),
        ("sst2", "sentence\tlabel\ngood\t1\nbad\n", r"dev.tsv, line 3: has only 1 columns"),
        ("sst2", "sentence\tlabel\ngood\t1\n\nbad\t0\n", r"line 3: has only 1 columns"),
        ("sst2", "text\tlabel\ngood\t1\n", r"line 1: has no column 'sentence'"),
        ("cola", "a\tx\t*\tHe go.\n", r"dev.tsv, line 1: 'x' is not a label"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\t5.1\n", r"line 2: the score 5.1 is not betw"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\tnan\n", r"line 2: the score nan is not betw"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\thigh\n", r"line 2: 'high' is not a number"),
        ("sst2", "sentence\tlabel\n", "has no rows"),
        ("cola", "", "has no rows"),
    ],
)
def test_a_broken_row_is_named_with_its_line(
    task: str, text: str, message: str, tmp_path: Path
) -> None:
    write(tmp_path, f"{TASKS[task].folder}/dev.tsv", text)
    with pytest.raises(UserError, match=message):
        load_examples(task, "dev", tmp_path)


def test_unknown_missing_and_undecodable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown GLUE task 'sts'; choose from cola"):
        load_examples("sts", "dev", tmp_path)
    with pytest.raises(UserError, match=r"RTE/dev.tsv: no such file"):
        load_examples("rte", "dev", tmp_path)
    folder = write(tmp_path, "SST-2/dev.tsv.gz", "not gzip") / "SST-2"
    with pytest.raises(UserError, match="not a text file"):
        load_examples("sst2", "dev", tmp_path)
    whole = gzip.compress(b"sentence\tlabel\n" + b"good film\t1\n" * 100)
    (folder / "dev.tsv.gz").write_bytes(whole[:-12])
    with pytest.raises(UserError, match="not a text file"):
        load_examples("sst2", "dev", tmp_path)


def test_metrics_equal_their_formulas() -> None:
    labels, answers = [1, 1, 1, 0, 0, 1, 0, 1], [1, 0, 1, 1, 0, 1, 0, 1]
    tp, tn, fp, fn = 4, 2, 1, 1
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    matthews = (tp * tn - fp * fn) / math.sqrt(product)
    assert score("cola", labels, answers)["matthews"] == pytest.approx(100 * matthews)
    mrpc = score("mrpc", labels, answers)
    assert mrpc == pytest.approx({"accuracy": 75.0, "f1": 80.0, "score": 77.5})
    assert score("rte", labels, answers) == {"accuracy": 75.0, "score": 75.0}


def test_correlations_equal_their_formulas() -> None:
    generator = np.random.default_rng(0)
    labels = generator.uniform(0, 5, 40)
    answers = labels + generator.normal(0, 1, 40)

    def correlation(x: np.ndarray, y: np.ndarray) -> float:
        x, y = x - x.mean(), y - y.mean()
        return float(x @ y / math.sqrt((x @ x) * (y @ y)))

    def ranks(x: np.ndarray) -> np.ndarray:
        return np.argsort(np.argsort(x)).astype(float)

    measured = score("stsb", labels.tolist(), answers.tolist())
    assert measured["pearson"] == pytest.approx(100 * correlation(labels, answers))
    assert measured["spearman"] == pytest.approx(100 * correlation(ranks(labels), ranks(answers)))
    assert score("stsb", labels.tolist(), [2.5] * 40)["score"] == 0.0


def test_the_macro_score_is_the_papers() -> None:
    # arXiv 1910.01108, table 1, DistilBERT: CoLA to WNLI, and the macro score.
    tasks = [51.3, 82.2, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3]
    assert round(macro_score(dict(zip(TASKS, tasks, strict=True))), 1) == 77.0


def test_the_hubs_rows_are_the_files_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")
    names = ["entailment", "neutral", "contradiction"]
    rows = [{"premise": "It rains.", "hypothesis": "It is dry.", "label": 2, "idx": 0}]
    features = datasets.Features(
        premise=datasets.Value("string"),
        hypothesis=datasets.Value("string"),
        label=datasets.ClassLabel(names=names),
        idx=datasets.Value("int32"),
    )
    asked = []

    def load_dataset(*arguments: str, **options: str):  # type: ignore[no-untyped-def]
        asked.append((*arguments, options["split"]))
        return datasets.Dataset.from_list(rows, features=features)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    (example,) = load_examples("mnli", "dev_matched", hub.NAME)
    assert asked == [("nyu-mll/glue", "mnli", "validation_matched")]
    assert (example.sentence1, example.sentence2) == ("It rains.", "It is dry.")
    assert example.label == 0  # contradiction comes first in the order of the files


def test_a_hub_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")

    def load_dataset(*_: str, **__: str) -> None:
        raise ConnectionError("no route to the hub\nmore")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        UserError, match=r"sst2 validation: cannot be loaded.*no route to the hub\)"
    ):
        load_examples("sst2", "dev", hub.NAME)
