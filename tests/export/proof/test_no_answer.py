"""The threshold of "no answer": chosen by SQuAD 2.0's definition, and kept by the package."""

from __future__ import annotations

import argparse
import json
import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distill.console.errors import UserError
from export import coreml, predict
from export.bundle.model_json import settings_of
from export.checkpoint.reading import load_checkpoint
from export.checkpoint.tokenizer_file import tokenizer_of
from export.proof.no_answer import check_no_answer, no_answer_of
from export.proof.witness import load_witness
from export.tasks.model_inputs import parse_no_answer
from export.tasks.samples import QUESTIONS
from export.tasks.table import TASKS

ANSWERS = ("May 1907", "a damp cloth", "eleven kilometres", "A watchmaker")
LENGTH = 96


@pytest.fixture(scope="module")
def version_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each of our questions on its own passage, and on two others, which do not answer it."""
    pairs = QUESTIONS[: len(ANSWERS)]
    paragraphs = []
    for own, ((_, passage), answer) in enumerate(zip(pairs, ANSWERS, strict=True)):
        stated = [{"text": answer, "answer_start": passage.index(answer)}]
        questions = [
            {
                "id": f"{own}-{other}",
                "question": pairs[(own + other) % len(pairs)][0],
                "answers": stated if other == 0 else [],
                "is_impossible": other > 0,
            }
            for other in range(3)
        ]
        paragraphs.append({"context": passage, "qas": questions})
    path = tmp_path_factory.mktemp("data") / "v2.json"
    data = [{"title": "own", "paragraphs": paragraphs}]
    path.write_text(json.dumps({"version": "v2.0", "data": data}))
    return path


def official_f1(gold: str, predicted: str) -> float:
    """`compute_f1` of the official evaluate-v2.0.py."""

    def tokens(text: str) -> list[str]:
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    wanted, found = tokens(gold), tokens(predicted)
    if not wanted or not found:
        return float(wanted == found)
    same = sum((Counter(wanted) & Counter(found)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(found), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def f1_at(threshold: float, examples: list[Any], workload: Any, rows: list[Any]) -> float:
    """F1 of a bundle with this threshold: no answer where its lead is above it."""
    answers = workload(threshold).decide(rows)
    return 100 * float(
        np.mean(
            [
                max(official_f1(text, answer) for text, _ in e.answers or [("", 0)])
                for e, answer in zip(examples, answers, strict=True)
            ]
        )
    )


@pytest.mark.slow
def test_no_answer_threshold_is_the_best_by_the_official_definition(version_2: Path) -> None:
    checkpoint, task = load_checkpoint("qa-mini"), TASKS["qa"]
    settings = settings_of(
        checkpoint,
        "qa",
        (LENGTH,),
        quantize="none",
        layout="standard",
        target="iOS18",
        shapes="fixed",
    )
    witness, _ = load_witness(checkpoint, "qa")
    tokenizer, examples = tokenizer_of(checkpoint), task.read(version_2)
    chosen = no_answer_of(version_2, witness, tokenizer, settings)
    assert chosen is not None
    assert chosen.questions == len(examples) == 12

    def workload(threshold: float) -> Any:
        from export.tasks.task import Reading

        reading = Reading(tokenizer, settings | {"no_answer_threshold": threshold})
        return task.workload(examples, reading)

    rows = [witness.predict(inputs) for inputs in workload(0.0).inputs]
    every = [f1_at(t, examples, workload, rows) for t in np.linspace(-40, 40, 801)]
    at_chosen = f1_at(chosen.threshold, examples, workload, rows)
    assert at_chosen == pytest.approx(chosen.best_f1)
    assert at_chosen == pytest.approx(max(every))
    assert max(every) > every[0] + 1  # the choice matters
    assert max(every) > every[-1] + 1


def test_no_answer_needs_questions_of_both_kinds(version_2: Path) -> None:
    task = TASKS["qa"]
    examples = task.read(version_2)
    for kept, kind in ((True, "an answer"), (False, "no answer")):
        chosen = [e for e in examples if bool(e.answers) == kept]
        with pytest.raises(UserError, match=f"every question of the data has {kind}"):
            task.best_no_answer(chosen, None, None)  # type: ignore[arg-type]


def test_no_answer_threshold_is_a_number_or_a_file(version_2: Path) -> None:
    assert parse_no_answer("-1.5") == -1.5
    assert parse_no_answer(str(version_2)) == version_2
    for wrong in ("much", "nan", "inf", "not/here.json"):
        with pytest.raises(argparse.ArgumentTypeError, match=r"neither a number|not a finite"):
            parse_no_answer(wrong)


def test_no_answer_threshold_is_for_tasks_that_may_not_answer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is for qa, not for embed"):
        check_no_answer("embed", 1.0)
    (tmp_path / "v2.json").write_text("{}")
    with pytest.raises(UserError, match="not in the SQuAD format"):
        check_no_answer("qa", tmp_path / "v2.json")


@pytest.mark.slow
def test_no_answer_is_said_by_the_package(
    version_2: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["--model", "qa-mini", "--lengths", str(LENGTH), "--out", str(out)]
    assert coreml.main([*command, "--no-answer-threshold", str(version_2)]) == 0
    assert "the best of 12 questions" in capsys.readouterr().out
    settings = json.loads((out / "model.json").read_text())
    assert isinstance(settings["no_answer_threshold"], float)
    for threshold, nothing in ((-1000.0, True), (1000.0, False)):
        settings["no_answer_threshold"] = threshold
        (out / "model.json").write_text(json.dumps(settings))
        question, passage = QUESTIONS[0]
        assert predict.main([str(out), "--question", question, "--passage", passage]) == 0
        assert capsys.readouterr().out.startswith("no answer") == nothing
