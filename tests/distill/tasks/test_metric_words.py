"""How tables write metrics: every percentage with its sign, counts and perplexities without."""

from __future__ import annotations

import pytest

from distill.tasks.metric_words import (
    difference_words,
    metric_title,
    title_and_unit,
    value_words,
    with_interval,
)


@pytest.mark.parametrize(
    ("name", "value", "title", "words"),
    [
        ("exact_match", 67.689, "EM", "67.69%"),
        ("f1", 78.8, "F1", "78.80%"),
        ("macro_f1", 100.0, "macro F1", "100.00%"),
        ("spearman", 86.72, "Spearman", "86.72%"),
        ("accuracy_matched", 84.0, "accuracy matched", "84.00%"),
        ("perplexity", 12.3, "perplexity", "12.30"),
        ("best_f1_threshold", -1.5, "threshold of the best F1", "-1.50"),
        ("total", 10570, "total", "10,570"),
    ],
)
def test_metrics_have_a_title_and_a_unit(name: str, value: float, title: str, words: str) -> None:
    assert metric_title(name) == title
    assert value_words(name, value) == words
    assert title_and_unit(name) == title + ", %" * words.endswith("%")


def test_intervals_and_differences_are_in_the_unit_of_their_value() -> None:
    assert with_interval("78.80%", (77.2, 80.6)) == "78.80% (77.20 to 80.60)"
    assert with_interval("78.80%", None) == "78.80%"
    assert difference_words("f1", 6.4) == "+6.40 points"
    assert difference_words("perplexity", -1.0) == "-1.00"
    assert (
        with_interval("+1.00 points", (-0.5, 2.0), signed=True) == "+1.00 points (-0.50 to +2.00)"
    )
