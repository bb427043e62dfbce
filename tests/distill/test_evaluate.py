"""The evaluator: prediction files, checkpoints of every task family, the macro score, bad input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, DistilBertConfig, DistilBertForSequenceClassification

from distill.evaluate import _print, main
from distill.tasks.evaluation import Comparison, Evaluation
from distill.tasks.spaced_items import spaced
from distill.tasks.statistics import Difference

Capture = pytest.CaptureFixture[str]


def report(capsys: Capture, *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def checkpoints(minilm_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small models with random weights, and MiniLM's tokenizer, in folders called after tasks."""
    folder = tmp_path_factory.mktemp("glue")
    tokenizer = AutoTokenizer.from_pretrained(minilm_directory)
    torch.manual_seed(0)
    for name, outputs in (("mnli", 3), ("sst2", 2), ("stsb", 1), ("imdb", 2)):
        config = DistilBertConfig(dim=32, n_layers=1, n_heads=2, hidden_dim=64, num_labels=outputs)
        DistilBertForSequenceClassification(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


def write(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def mnli(tmp_path: Path, passages: list[str]) -> Path:
    """Both development sets of MNLI in the official columns: 12 and 4 pairs of passages."""
    header = "index\tsentence1\tsentence2\tgold_label"
    labels = ("neutral", "entailment", "contradiction")
    rows = [
        f"{i}\t{passages[i % 3]}\t{passages[i % 4]}\t{labels[i % 3]}".replace("\n", " ")
        for i in range(16)
    ]
    write(tmp_path / "MNLI" / "dev_matched.tsv", header, *rows[:12])
    write(tmp_path / "MNLI" / "dev_mismatched.tsv", header, *rows[12:])
    return tmp_path


def test_a_prediction_file_is_scored_alone(shared_data: Path, capsys: Capture) -> None:
    squad = shared_data / "squad"
    predictions = squad / "predictions" / "logistic_regression.json.gz"
    options = ["--predictions", str(predictions), "--data", str(squad / "dev-v1.1.json.gz")]
    found = report(capsys, "--task", "squad", *options)
    low, high = found.pop("intervals")["f1"]
    assert low < found["f1"] < high
    counts = {"total": 10_570, "missing": 13, "surplus": 28}
    expected = {"exact_match": 40.141911, "f1": 50.981536, **counts}
    assert found == pytest.approx(expected, abs=1e-6)


def test_questions_whose_answers_stand_elsewhere_are_scored(
    tmp_path: Path, capsys: Capture
) -> None:
    """The official metric never reads ``answer_start``."""
    questions = [
        {"id": str(at), "question": "Which?", "answers": [{"text": "blue", "answer_start": at}]}
        for at in (7, 3)
    ]
    paragraph = {"context": "Red or blue.", "qas": questions}
    write(tmp_path / "squad.json", json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    write(tmp_path / "predictions.json", json.dumps({"7": "red", "3": "blue"}))
    options = ["--predictions", str(tmp_path / "predictions.json")]
    found = report(capsys, "--task", "squad", *options, "--data", str(tmp_path / "squad.json"))
    assert (found["total"], found["surplus"], found["exact_match"]) == (2, 0, 50)


@pytest.mark.parametrize("count", [1, 2])
def test_questions_on_one_article_have_no_interval(
    count: int, tmp_path: Path, capsys: Capture
) -> None:
    """An article is drawn as a whole: its interval would have no width."""
    questions = [
        {"id": str(at), "question": "?", "answers": [{"text": "b", "answer_start": 2}]}
        for at in range(6)
    ]
    paragraph = {"context": "A b.", "qas": questions}
    write(tmp_path / "squad.json", json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    texts = {str(at): "b" if at < 4 else "A" for at in range(6)}
    write(tmp_path / "answers.json", json.dumps(texts))
    options = ["--task", "squad", "--data", str(tmp_path / "squad.json"), "--predictions"]
    options += [str(tmp_path / "answers.json")] * count
    assert main(options) == 0
    printed = capsys.readouterr()
    assert "66.67" in printed.out and "(" not in printed.out.replace("(positions)", "")
    assert printed.err == (
        "note: independent examples: 1 (questions on one article, pairs with one passage are one): "
        "too few for intervals, which need 5\n"
    )
    found = report(capsys, *options)
    assert "interval" not in json.dumps(found) and not found.get("difference")


def test_questions_that_are_all_answered_have_no_interval(tmp_path: Path, capsys: Capture) -> None:
    """All resamples are alike: an interval from 100 to 100 would say that it is certain."""
    data = []
    for at in range(30):
        question = {"id": str(at), "question": "?", "answers": [{"text": "b", "answer_start": 2}]}
        data.append({"title": str(at), "paragraphs": [{"context": "A b.", "qas": [question]}]})
    write(tmp_path / "squad.json", json.dumps({"data": data}))
    write(tmp_path / "answers.json", json.dumps({str(at): "b" for at in range(30)}))
    options = ["--data", str(tmp_path / "squad.json"), "--predictions"]
    found = report(capsys, "--task", "squad", *options, str(tmp_path / "answers.json"))
    assert found["f1"] == 100 and "intervals" not in found


def test_two_prediction_files_are_compared(tmp_path: Path, capsys: Capture) -> None:
    """Paired: of six articles one is answered by the second file alone, none by the first alone."""
    data, answers = [], []
    for at in range(6):
        question = {"id": str(at), "question": "?", "answers": [{"text": "b", "answer_start": 2}]}
        data.append({"title": str(at), "paragraphs": [{"context": "A b.", "qas": [question]}]})
    write(tmp_path / "squad.json", json.dumps({"data": data}))
    for name, right in (("first", 3), ("second", 4)):
        texts = {str(at): "b" if at < right else "A b c" for at in range(6)}
        write(tmp_path / f"{name}.json", json.dumps(texts))
        answers.append(str(tmp_path / f"{name}.json"))
    options = ["--data", str(tmp_path / "squad.json"), "--predictions", *answers]
    found = report(capsys, "--task", "squad", *options)
    assert (found["first"]["exact_match"], found["second"]["exact_match"]) == (
        50,
        pytest.approx(200 / 3),
    )
    change = found["difference"]["exact_match"]
    low, high = change["interval"]
    assert change["difference"] == pytest.approx(100 / 6) and 0 <= low < change["difference"] < high
    assert main(options) == 0
    assert "6 (questions on one article, pairs with one passage are one): intervals of fewer" in (
        capsys.readouterr().err
    )
    assert main([*options, answers[0]]) == 2
    assert "at most two files of predictions can be compared" in capsys.readouterr().err


def test_mnli_is_scored_on_both_its_sets(checkpoints: Path, mnli: Path, capsys: Capture) -> None:
    options = ["--model", str(checkpoints / "mnli"), "--data", str(mnli)]
    found = report(capsys, "--task", "MNLI", *options)
    assert found["total"] == 16
    both = found["accuracy_matched"], found["accuracy_mismatched"]
    assert found["score"] == pytest.approx(sum(both) / 2)


def test_lengths_that_do_not_fit_are_refused(
    checkpoints: Path, mnli: Path, capsys: Capture
) -> None:
    options = ["--task", "mnli", "--model", str(checkpoints / "mnli"), "--data", str(mnli)]
    for length, message in (("600", "at most 512 tokens, not 600"), ("4", "must be at least 8")):
        assert main([*options, "--max_length", length]) == 2
        assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_glue_scores_the_tasks_that_are_there(
    checkpoints: Path, mnli: Path, capsys: Capture
) -> None:
    write(mnli / "SST-2" / "dev.tsv", "sentence\tlabel", "A dull film.\t0", "Moving.\t1")
    rows = ["A cat.\tA dog.\t1.5", "It rains hard.\tIt pours.\t4", "One.\tTwo three.\t0.2"]
    write(mnli / "STS-B" / "dev.tsv", "sentence1\tsentence2\tscore", *rows)
    options = ["--model", str(checkpoints), "--data", str(mnli)]
    found = report(capsys, "--task", "glue", *options)
    scores = [found[name] for name in ("mnli", "sst2", "stsb")]
    assert found["tasks"] == 3  # the folder `imdb` is none of GLUE
    assert found["macro_score"] == pytest.approx(np.mean(scores))
    alone = report(capsys, "--task", "stsb", *options[2:], "--model", str(checkpoints / "stsb"))
    assert alone["score"] == found["stsb"]


def test_imdb_is_scored_on_its_test_set(checkpoints: Path, tmp_path: Path, capsys: Capture) -> None:
    for name, count in (("neg", 3), ("pos", 2)):
        for number in range(count):
            write(tmp_path / "test" / name / f"{number}_5.txt", f"Review {number}. " * 300)
    options = ["--model", str(checkpoints / "imdb"), "--data", str(tmp_path)]
    found = report(capsys, "--task", "imdb", *options)
    assert found["total"] == 5
    assert report(capsys, "--task", "imdb", *options, "--limit", "2")["total"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "sst3", "--model", "minilm"], "unknown task 'sst3'; choose from squad, squad2"),
        (["--task", "sst2"], "give either --model or --predictions"),
        (
            ["--predictions", "p.json", "--save_predictions", "q.json"],
            "--save_predictions writes those of a --model",
        ),
        (
            ["--task", "sst2", "--predictions", "p.json"],
            "prediction files are for squad and squad2",
        ),
        (["--task", "sst2", "--model", "nowhere"], "nowhere: no such checkpoint folder or preset"),
        (["--task", "glue", "--model", "nowhere"], "nowhere: has no checkpoint called cola"),
        (["--task", "imdb", "--model", "minilm"], "name the folder of the imdb data with --data"),
        (["--task", "rte", "--model", "minilm", "--data", "."], "RTE/dev.tsv: no such file"),
        (["--task", "squad", "--model", "minilm", "--data", "none.json"], "none.json"),
        (["--task", "sst2", "--model", "minilm", "--limit", "0"], "--limit must be at least 1"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    message: str,
    minilm_directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert error.startswith("error: ") and message in error


def test_a_checkpoint_without_the_tasks_head_is_refused(
    checkpoints: Path, mnli: Path, shared_data: Path, minilm_directory: Path, capsys: Capture
) -> None:
    squad = ["--task", "squad", "--limit", "2", "--model"]
    classes = ["--task", "mnli", "--data", str(mnli), "--model"]
    write(mnli / "SST-2" / "dev.tsv", "sentence\tlabel", "A dull film.\t0")
    headless = ["--task", "sst2", "--data", str(mnli), "--model", str(minilm_directory)]
    for arguments, message in (
        ([*squad, str(checkpoints / "sst2")], "has no question-answering head"),
        ([*squad, str(minilm_directory)], "has no question-answering head"),
        ([*classes, str(checkpoints / "sst2")], "its head has 2 outputs, mnli has 3"),
        (headless, "has no trained classifier"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_broken_prediction_file_is_refused(
    shared_data: Path, tmp_path: Path, capsys: Capture
) -> None:
    for content in (b'["a"]', b'{"id": 3}', b"{", b"", b'{"a": "x", "a": "y"}'):
        path = tmp_path / "predictions.json"
        path.write_bytes(content)
        assert main(["--predictions", str(path)]) == 2
        assert str(path) in capsys.readouterr().err
    path = tmp_path / "predictions.json.gz"
    path.write_bytes(gzip.compress(b'{"id": "text"}')[:-9])
    assert main(["--predictions", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_spaced_examples_cover_the_file() -> None:
    assert spaced(range(10), 4) == [0, 2, 5, 7]
    assert spaced(range(3), 9) == spaced(range(3), None) == [0, 1, 2]


def test_tables_fit_a_terminal_of_80_columns(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    intervals = {"exact_match": (66.0, 69.0), "f1": (77.25, 80.6)}
    one = Evaluation({"exact_match": 67.7, "f1": 78.8, "total": 10570}, intervals)
    change = Difference(difference=6.4, interval=(5.7, 7.1), share=1.0)
    both = Comparison(one, one, dict.fromkeys(intervals, change))
    for report, words in ((one, "78.80% (77.25 to 80.60)"), (both, "(+5.70 to +7.10)")):
        _print(report, "a title")
        shown = capsys.readouterr().out
        assert words in shown and "10,570" in shown
        assert max(map(len, shown.splitlines())) <= 80
    assert "+6.40 points" in shown and "(77.25 to 80.60)" in shown
