"""The checks in model.json: bounded, of real tokens, and another package fails them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from export.bundle.bundle_folder import write_settings
from export.bundle.checks import (
    MOST_BYTES,
    MOST_VALUES,
    TOLERANCE,
    Check,
    make_checks,
    read_checks,
    run_checks,
)
from export.tasks.model_inputs import Inputs, padded

NAMES = ("input_ids", "attention_mask")
RANDOM = np.random.default_rng(0)


def made(tokens: list[int], length: int, width: int = 1) -> tuple[list[Inputs], list[dict]]:
    inputs = [padded(range(100, 100 + count), [0] * count, length) for count in tokens]
    outputs = [
        {"logits": RANDOM.normal(size=(1, count, width)).astype(np.float32)} for count in tokens
    ]
    return inputs, outputs


def settings(checks: list[Any], length: int = 16) -> dict[str, Any]:
    stated = {"lengths": [length, 512], "inputs": list(NAMES), "outputs": ["logits"]}
    return {**stated, "checks": checks}


def test_checks_are_of_the_shortest_a_middle_and_the_longest_input() -> None:
    inputs, outputs = made([9, 3, 16, 5, 7], 16)
    other_inputs, other_outputs = made([40], 64)
    checks = make_checks([*other_inputs, *inputs], [*other_outputs, *outputs], NAMES, 16)
    assert [sum(check["inputs"]["attention_mask"]) for check in checks] == [3, 7, 16]
    assert [len(check["outputs"]["logits"]) for check in checks] == [3, 7, 16]
    assert all(len(ids) == 16 for check in checks for ids in check["inputs"].values())
    assert read_checks(settings(checks))[0].length == 16


@pytest.mark.parametrize(("length", "width"), [(128, 30_522), (512, 768), (8192, 768)])
def test_checks_are_bounded_whatever_the_output(length: int, width: int) -> None:
    inputs, outputs = made([4, 9, 20], length, width)
    checks = make_checks(inputs, outputs, NAMES, length)
    assert len(json.dumps(checks)) <= MOST_BYTES
    assert all(len(check["outputs"]["logits"]) == MOST_VALUES for check in checks)
    assert bool(checks) == (length < 8192)


def test_checks_leave_out_what_overflowed() -> None:
    inputs, outputs = made([4], 16)
    outputs[0]["logits"][0, 1] = np.inf
    assert make_checks(inputs, outputs, NAMES, 16) == []


def test_checks_pass_with_the_same_outputs_and_fail_with_others() -> None:
    inputs, outputs = made([3, 16], 16)
    kept = settings(make_checks(inputs, outputs, NAMES, 16))
    by_ids = {data["input_ids"].tobytes(): out for data, out in zip(inputs, outputs, strict=True)}

    def run(data: Inputs, off: float = 0.0) -> dict[str, np.ndarray]:
        return {"logits": by_ids[data["input_ids"].tobytes()]["logits"] + np.float32(off)}

    passed = run_checks(kept, run)
    assert passed is not None and passed.as_json() == {
        "checks": 2,
        "checks_difference": pytest.approx(0, abs=1e-4),
        "checks_passed": True,
    }
    failed = run_checks(kept, lambda data: run(data, off=1.0))
    assert failed is not None and not failed.passed
    assert run_checks(settings([]), run) is None


@pytest.mark.parametrize("outputs", [{}, {"logits": np.zeros(1)}, {"logits": np.full(3, np.nan)}])
def test_checks_differ_wholly_from_what_is_missing(outputs: dict[str, np.ndarray]) -> None:
    check = Check(2, {"input_ids": [1, 2]}, {"logits": [1.0, 2.0]})
    assert check.difference(outputs) == math.inf > TOLERANCE


@pytest.mark.parametrize(
    "change",
    [
        {"length": 17},
        {"inputs": {"input_ids": [1] * 16}},
        {"inputs": {"input_ids": [1] * 15, "attention_mask": [1] * 16}},
        {"inputs": {"input_ids": [1.5] * 16, "attention_mask": [1] * 16}},
        {"inputs": {"input_ids": [-1] * 16, "attention_mask": [1] * 16}},
        {"inputs": ["input_ids", "attention_mask"]},
        {"outputs": {}},
        {"outputs": {"logits": []}},
        {"outputs": {"logits": [math.nan]}},
        {"outputs": {"logits": ["1"]}},
        {"outputs": {"scores": [1.0]}},
    ],
)
def test_checks_that_no_export_writes_are_refused(change: dict[str, Any]) -> None:
    ids = {name: [1] * 16 for name in NAMES}
    good = {"length": 16, "inputs": ids, "outputs": {"logits": [0.5]}}
    assert read_checks(settings([good]))
    with pytest.raises((ValueError, TypeError, KeyError)):
        read_checks(settings([good | change]))


def test_checks_stand_on_a_line_each(tmp_path: Any) -> None:
    inputs, outputs = made([3, 16], 16)
    kept = settings(make_checks(inputs, outputs, NAMES, 16))
    write_settings(tmp_path, kept)
    text = (tmp_path / "model.json").read_text()
    assert json.loads(text) == kept
    assert len(text.splitlines()) < 40
