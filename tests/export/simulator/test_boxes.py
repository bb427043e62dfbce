"""Non-maximum suppression against a loop in NumPy."""

from __future__ import annotations

from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.simulator.programs import outputs

FEW = settings(max_examples=8)
LIMIT = 4


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (x, y, width, height) given by their middle."""
    low = np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2)
    high = np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    common = np.prod(np.maximum(high - low, 0))
    return float(common / (np.prod(a[2:]) + np.prod(b[2:]) - common))


def kept(
    boxes: np.ndarray, scores: np.ndarray, share: float, least: float, by_class: bool
) -> list[int]:
    """Boxes by falling score, without those that a better one (of their class) covers."""
    best, classes = scores.max(-1), scores.argmax(-1)
    result: list[int] = []
    for i in np.argsort(-best):
        rivals = [j for j in result if not by_class or classes[i] == classes[j]]
        if best[i] >= least and all(overlap(boxes[i], boxes[j]) <= share for j in rivals):
            result.append(int(i))
    return result[:LIMIT] or [int(best.argmax())]


@pytest.mark.parametrize("by_class", [True, False])
@pytest.mark.parametrize("newer", [True, False])
@FEW
@given(seed=st.integers(0, 999), least=st.sampled_from([-9.0, 0.4, 9.0]))
@pytest.mark.slow
def test_result_is_that_of_the_loop(by_class: bool, newer: bool, seed: int, least: float) -> None:
    generator = np.random.default_rng(seed)
    boxes = generator.uniform(0, 10, (2, 9, 4)).astype(np.float32) + 1
    scores = generator.standard_normal((2, 9, 3)).astype(np.float32)
    least = -np.inf if newer else least

    def build(boxes: Any, scores: Any) -> Any:
        options = {} if newer else {"score_threshold": np.float32(least)}
        return mb.non_maximum_suppression(
            boxes=boxes,
            scores=scores,
            iou_threshold=np.float32(0.25),
            max_boxes=LIMIT,
            per_class_suppression=by_class,
            **options,
        )

    given_boxes, given_scores = (
        (x.transpose(0, 2, 1).copy() if newer else x) for x in (boxes, scores)
    )
    target = ct.target.iOS17 if newer else ct.target.iOS16
    found = outputs(build, target=target, boxes=given_boxes, scores=given_scores)
    if newer:
        found[:2] = [x.transpose(0, 2, 1) for x in found[:2]]
    for image in range(2):
        chosen = kept(boxes[image], scores[image], 0.25, least, by_class)
        count, padding = len(chosen), LIMIT - len(chosen)
        np.testing.assert_array_equal(found[2][image], chosen + [-1] * padding)
        np.testing.assert_allclose(found[0][image, :count], boxes[image, chosen], rtol=1e-6)
        np.testing.assert_allclose(found[1][image, :count], scores[image, chosen], rtol=1e-6)
        assert not found[0][image, count:].any()
        assert newer or found[3][image] == count


def test_a_score_at_the_threshold_stays() -> None:
    """Boxes far apart; the second equals the threshold, the third is the next number below it."""
    boxes = np.array([[[1, 1, 1, 1], [5, 5, 1, 1], [9, 9, 1, 1]]], np.float32)
    below = np.nextafter(np.float32(0.4), np.float32(0))
    scores = np.array([[[0.9], [0.4], [below]]], np.float32)

    def build(boxes: Any, scores: Any) -> Any:
        return mb.non_maximum_suppression(
            boxes=boxes,
            scores=scores,
            iou_threshold=np.float32(0.25),
            score_threshold=np.float32(0.4),
            max_boxes=LIMIT,
            per_class_suppression=False,
        )

    _, _, indices, count = outputs(build, target=ct.target.iOS16, boxes=boxes, scores=scores)
    np.testing.assert_array_equal(indices, [[0, 1, -1, -1]])
    assert count == 2
