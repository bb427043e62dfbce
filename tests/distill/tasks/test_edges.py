"""Edges of decoding and scoring, where one more or one less is another result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from distill.console.errors import UserError
from distill.tasks.options import TaskOptions
from distill.tasks.own_rows import plain_texts
from distill.tasks.squad import Example, Feature, decode, token_span
from distill.tasks.squad_task import best_threshold
from distill.tasks.statistics import of_classes, of_means, paired
from distill.tasks.table import TASKS
from distill.tasks.task import Data

WORDS = ["one", "two", "three", "four", "five", "six"]
CONTEXT = " ".join(WORDS)
OFFSETS = [(CONTEXT.index(word), CONTEXT.index(word) + len(word)) for word in WORDS]
FEATURE = Feature(0, [1, 2, *range(3, 9), 2], [0, 0] + [1] * 7, 2, OFFSETS)


def logits(start: int, end: int, lead: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Of a window whose best span is from word ``start`` to ``end``; "no answer" has ``lead``
    above it."""
    found = np.full((2, 9), -20.0, dtype=np.float32)
    found[0, 2 + start] = found[1, 2 + end] = 5
    found[:, 0] = 5 + lead / 2
    return found[0], found[1]


@pytest.mark.parametrize(("most", "text"), [(3, "two three four"), (2, "")])
def test_longest_answer_is_counted_in_tokens(most: int, text: str) -> None:
    example = Example("q", "?", CONTEXT, ())
    start, end = logits(1, 3)
    (found,) = decode([example], [FEATURE], [start], [end], 1, most)["q"] or [None]
    assert (found.text if found else "") == text
    options = TaskOptions(max_answer_length=most)
    squad: Any = TASKS["squad"]
    data = Data([], {"held_out": [Example("q", "?", CONTEXT, (("two three four", 4),))]})
    rows = {"held_out": [np.stack([start, end])]}
    scored = squad.score(data, {"held_out": [FEATURE]}, rows, options)
    longest = max(len(word.split()) for word in scored.predictions.values())
    assert longest <= most


@pytest.mark.parametrize(("threshold", "text"), [(0.5, ""), (1.5, "two")])
def test_no_answer_is_given_past_the_threshold_of_the_option(threshold: float, text: str) -> None:
    squad2: Any = TASKS["squad2"]
    data = Data([], {"held_out": [Example("q", "?", CONTEXT, (("two", 4),))]})
    rows = {"held_out": [np.stack(logits(1, 1, lead=1.0))]}
    options = TaskOptions(null_threshold=threshold)
    scored = squad2.score(data, {"held_out": [FEATURE]}, rows, options)
    assert scored.predictions == {"q": text}


def test_best_threshold_takes_equal_leads_together() -> None:
    """Of four questions with one lead, two right spans first: no threshold parts them."""
    stated: Any = [(("two", 4),), (("two", 4),), (), ()]
    examples = [Example(str(n), "?", CONTEXT, answers) for n, answers in enumerate(stated)]
    best = best_threshold(examples, {str(n): "two" for n in range(4)}, np.ones(4))
    assert best.metrics()["best_f1"] == 50
    found = best_threshold(
        examples, {str(n): "two" for n in range(4)}, np.array([0.0, 1.0, 1.0, 1.0])
    )
    assert (found.metrics()["best_f1"], found.threshold) == (75, 0)
    leads = np.array([0.0, 1.0, 1.0, 2.0])
    best = best_threshold(examples, {str(n): "two" for n in range(4)}, leads)
    answered = leads <= best.threshold
    right = np.array([True, True, False, False])
    assert best.rows.tolist() == (100.0 * (answered == right)).tolist()


def test_references_of_which_nothing_is_left_are_passed_over_in_v2() -> None:
    squad2: Any = TASKS["squad2"]
    example = Example("q", "?", CONTEXT, (("the", 0), ("two", 4)))
    assert squad2.score_texts([example], {"q": ""}).metrics["exact_match"] == 0


@pytest.mark.parametrize("answer", ["two\u200b", "\u200btwo", "two\n", "\x07two", "\u0301two"])
def test_what_is_not_seen_at_the_edges_of_an_answer_is_passed_over(answer: str) -> None:
    """Also where the tokens of the neighbours hold it."""
    context = f"one{answer}three"
    low = context.index("two")
    offsets = [(0, low), (low, low + 3), (low + 3, len(context))]
    assert token_span(offsets, answer, 3) == (1, 1)


def test_questions_without_a_window_that_holds_their_answer_are_not_trained_on() -> None:
    squad: Any = TASKS["squad"]
    held = Feature(1, FEATURE.input_ids, FEATURE.token_type_ids, 2, OFFSETS, ((3, 3),))
    examples = [Example(str(n), "?", CONTEXT, (("two", 4),)) for n in range(2)]
    assert squad.trainable(examples, [FEATURE, held]) == ([held], 1)


def test_macro_f1_is_over_the_classes_that_occur() -> None:
    from sklearn.metrics import f1_score

    truth, answers = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    found = of_classes(truth, answers, 4, ("macro_f1",)).whole()
    assert found["macro_f1"] == pytest.approx(100 * f1_score(truth, answers, average="macro"))


def test_share_of_a_pair_is_that_of_the_second_model() -> None:
    worse, better = (of_means(np.full((30, 1), value), ("f1",)) for value in (10.0, 20.0))
    found = paired({"dev": worse}, {"dev": better})["f1"]
    assert (found.share, found.difference) == (1, 10)


def test_json_is_not_a_text_a_line(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text('{"text": "one"}\n')
    with pytest.raises(UserError, match="holds JSON"):
        plain_texts(str(tmp_path / "rows.txt"))


def test_word_level_offsets_are_those_of_the_text() -> None:
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(["[UNK]", *WORDS])}))
    tokenizer.pre_tokenizer = Whitespace()
    assert tokenizer.encode(CONTEXT).offsets == OFFSETS
