"""Text to answer in Swift without Apple's frameworks: every task equals Python's `predict`.

SWIFT_QUESTIONS=500 python -m pytest tests/ios_app/test_predict_on_linux.py asks that many questions
of SQuAD instead of 50.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from swift_predict import BUILD, Request, compare, run_check, run_predict
from toolchain import Toolchain

import export.coreml
from distill.tasks import squad
from export.tasks.samples import QUESTIONS, SINGLE
from tests.export.tiny_models import save_checkpoint

KINDS = {"wordpiece": "bert", "bpe": "roberta", "unigram": "xlm-roberta"}
"""A model type for each kind of tokenizer."""
NLI = {"id2label": {0: "contradiction", 1: "neutral", 2: "entailment"}}
TAGS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER"}}
TEXTS = [*SINGLE, *(text for pair in QUESTIONS for text in pair)]
LINES = "\n".join(TEXTS)


def classify_requests() -> list[Request]:
    """Single texts, pairs (some too long for the longest input), and labels in words."""
    pairs = [{"text": question, "passage": passage} for question, passage in QUESTIONS]
    zero_shot = [{"text": text, "zero_shot": ["travel", "the law"]} for text in TEXTS[:4]]
    zero_shot += [{"text": TEXTS[0], "zero_shot": ["travel"]}]
    return [*({"text": text} for text in TEXTS), *pairs, *zero_shot]


TASKS: dict[str, tuple[dict[str, Any], list[Request]]] = {
    "classify": (NLI, classify_requests()),
    "tokens": (TAGS, [{"text": text} for text in [*TEXTS, LINES]]),
    "embed": (
        {},
        [
            *({"text": text} for text in TEXTS),
            *({"text": text, "passage": LINES, "n_best": 3} for text in TEXTS[:4]),
        ],
    ),
    "rank": ({}, [{"text": question, "passage": LINES} for question, _ in QUESTIONS]),
    "qa": (
        {},
        [{"text": question, "passage": text, "n_best": 3} for question, text in QUESTIONS],
    ),
}
"""What the configuration of each task's checkpoint says, and what is asked."""


@pytest.fixture(scope="module")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """``(kind of tokenizer, task) -> bundle`` of a model with random weights."""

    def make(kind: str, task: str) -> Path:
        checkpoint = tmp_path_factory.mktemp(f"{kind}-{task}")
        save_checkpoint(KINDS[kind], task, checkpoint, **TASKS[task][0])
        return exported(f"{kind}-{task}", "--model", str(checkpoint), "--task", task)

    return make


def exported(name: str, *options: str, lengths: str = "32,96") -> Path:
    """A bundle in the build folder, made by the exporter's command."""
    out = BUILD / name
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    assert export.coreml.main([*options, "--lengths", lengths, "--out", str(out)]) == 0
    return out


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_task_equals_python(
    package: Toolchain,
    tiny_bundle: Callable[[str, str], Path],
    kind: str,
    task: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    requests = TASKS[task][1]
    answers, differences = compare(package, tiny_bundle(kind, task), requests)
    with capsys.disabled():
        print(f"\npredict {kind}/{task}: {len(requests)} requests, {len(differences)} differ")
    assert differences == []
    assert len({str(answer) for answer in answers}) > 3


@pytest.mark.slow
def test_squad_answers_equal_python(
    package: Toolchain, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped model, exported to int8 as the README does."""
    bundle = exported("qa-mini", "--quantize", "int8", lengths="128,384")
    count = int(os.environ.get("SWIFT_QUESTIONS", "50"))
    examples = squad.load_examples(shared_data / "squad" / "dev-v1.1.json.gz")
    chosen = examples[:: max(len(examples) // count, 1)][:count]
    requests = [{"text": each.question, "passage": each.context} for each in chosen]
    answers, differences = compare(package, bundle, requests)
    with capsys.disabled():
        print(f"\npredict qa-mini int8: {len(requests)} questions, {len(differences)} differ")
    assert differences == []
    assert len({answer["answers"][0]["text"] for answer in answers}) > len(requests) // 2


@pytest.mark.slow
def test_predict_says_what_is_wrong(
    package: Toolchain, tiny_bundle: Callable[[str, str], Path]
) -> None:
    bundle = tiny_bundle("wordpiece", "qa")
    for options, line in [
        (("--graphs", "nowhere"), "usage: textmodels predict"),
        (("--question", "a?", "--passage", "b"), "error: --graphs names no folder"),
        (
            ("--question", "a?", "--passage", "b", "--graphs", "nowhere"),
            "error: The model's folder has no libonnxruntime.so.",
        ),
        (("--question", "a?", "--runtime", "cuda"), "error: --runtime is cuda"),
        (("--question", "a?", "--n-best", "0"), "error: --n-best is 0"),
    ]:
        status, printed = run_predict(package, bundle, *options)
        assert status == 2, printed
        assert line in printed


@pytest.mark.slow
def test_check_tells_a_right_bundle_from_a_wrong_one(
    package: Toolchain, tiny_bundle: Callable[[str, str], Path]
) -> None:
    """The outputs kept in model.json are the simulator's in half precision."""
    bundle = tiny_bundle("wordpiece", "qa")
    settings = json.loads((bundle / "model.json").read_text("utf-8"))
    count = len(settings["checks"])
    status, printed = run_check(package, bundle)
    assert (status, f"passed: {count} checks, largest difference" in printed) == (0, True), printed
    logits = settings["checks"][-1]["outputs"]["start_logits"]
    logits[0] += 0.1 * max(map(abs, logits))
    (bundle / "model.json").write_text(json.dumps(settings), encoding="utf-8")
    status, printed = run_check(package, bundle)
    assert status == 2
    assert f"failed: {count} checks, largest difference" in printed
