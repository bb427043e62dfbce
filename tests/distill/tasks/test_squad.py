"""SQuAD: windows cover the passage, decoding finds the span, the metric is the official one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from distill.console.bounded_files import read_json
from distill.console.errors import UserError
from distill.corpus import hub
from distill.models.tokenizer import load_tokenizer
from distill.tasks.squad import (
    Example,
    decode,
    load_checked,
    load_examples,
    make_features,
)
from distill.tasks.squad_scores import score, scores_by_question
from tests.word_pieces import SPECIALS, word_pieces


@pytest.fixture(scope="module")
def tokenizer(minilm_directory: Path) -> Tokenizer:
    return load_tokenizer(minilm_directory)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bert_ensemble", (86.206244, 92.195580, 10_570, 0, 0)),
        ("logistic_regression", (40.141911, 50.981536, 10_570, 13, 28)),
    ],
)
def test_published_predictions_get_their_published_score(
    name: str, expected: tuple, shared_data: Path
) -> None:
    folder = shared_data / "squad"
    found = score(
        load_examples(folder / "dev-v1.1.json.gz"),
        read_json(folder / "predictions" / f"{name}.json.gz"),
    )
    assert tuple(found.values()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("marks", [("<s>", "</s>"), ("[CLS]", "[SEP]")])
def test_windows_have_the_special_tokens_of_the_tokenizer(
    marks: tuple[str, str], passages: list[str]
) -> None:
    """MPNet's vocabulary has [CLS] and [SEP] too, which its model never saw."""
    tokenizer = word_pieces(passages, specials=(*SPECIALS, "<s>", "</s>"))._tokenizer
    (cls, _), (sep, _) = ends = [(mark, tokenizer.token_to_id(mark)) for mark in marks]
    between = f"{sep} {sep}" if sep == "</s>" else sep
    tokenizer.post_processor = TemplateProcessing(
        single=f"{cls} $A {sep}", pair=f"{cls} $A {between} $B {sep}", special_tokens=ends
    )
    question = Example("q", "Which one?", passages[0], ())
    (feature,) = make_features([question], tokenizer, 512)
    assert feature.input_ids == tokenizer.encode(question.question, question.context).ids


def example(passage: str, answer: str) -> Example:
    return Example("q", "Which one?", passage, ((answer, passage.index(answer)),))


def test_windows_cover_the_passage_and_carry_the_answer(
    tokenizer: Tokenizer, passages: list[str]
) -> None:
    passage = " ".join(passages)
    features = make_features([example(passage, "liquid tin")], tokenizer, 64, 16)
    covered = {place for feature in features for place in feature.offsets}
    whole = tokenizer.encode(passage, add_special_tokens=False).offsets
    assert covered == set(whole)
    assert all(len(feature.input_ids) <= 64 for feature in features)
    carried = [feature for feature in features if feature.spans]
    assert 1 < len(carried) < len(features)
    for feature in carried:
        ((first, last),) = feature.spans
        places = feature.offsets
        start, end = places[first - feature.first][0], places[last - feature.first][1]
        assert passage[start:end] == "liquid tin"


@pytest.mark.parametrize(
    ("length", "stride", "message"), [(64, 0, "1 token apart"), (64, -3, "apart"), (5, 1, "room")]
)
def test_windows_that_do_not_advance_or_hold_nothing(
    length: int, stride: int, message: str, tokenizer: Tokenizer
) -> None:
    with pytest.raises(UserError, match=message):
        make_features([example("Red or blue. " * 50, "blue")], tokenizer, length, stride)


def test_decoding_finds_the_labelled_span(
    tokenizer: Tokenizer, qa_examples: list[dict[str, str]]
) -> None:
    examples = [
        Example(
            str(i), e["question"], e["passage"], ((e["answer"], e["passage"].index(e["answer"])),)
        )
        for i, e in enumerate(qa_examples)
    ]
    features = make_features(examples, tokenizer, 64, 24)
    starts, ends = [], []
    for feature in features:
        start, end = np.zeros((2, len(feature.input_ids)))
        for first, last in feature.spans:
            start[first], end[last] = 5, 5
        starts.append(start)
        ends.append(end)
    answers = decode(examples, features, starts, ends)
    assert {key: best[0].text for key, best in answers.items()} == {
        e.id: e.answers[0][0] for e in examples
    }
    assert all(sum(a.probability for a in best) == pytest.approx(1) for best in answers.values())


def test_decoding_prefers_the_window_that_is_surest_not_the_loudest(tokenizer: Tokenizer) -> None:
    """One window's logits are all ten higher, "no answer" highest among them."""
    context = "The first king ruled long ago. " * 3 + "The last king was Harald."
    examples = [Example("q", "Who was last?", context, (("Harald", context.index("Harald")),))]
    features = make_features(examples, tokenizer, 24, 8)
    assert len(features) > 2
    starts, ends = [], []
    for feature in features:
        height = 0.0 if feature.spans else 10.0
        start, end = np.full((2, len(feature.input_ids)), height)
        start[0] = end[0] = height + (0 if feature.spans else 4)
        for first, last in feature.spans:
            start[first], end[last] = 5, 5
        starts.append(start)
        ends.append(end)
    best = decode(examples, features, starts, ends)["q"][0]
    assert (best.text, best.score) == ("Harald", 10.0)


def test_no_answer_wins_only_past_the_threshold(tokenizer: Tokenizer) -> None:
    examples = [example("Red or blue.", "blue")]
    features = make_features(examples, tokenizer, 64)
    start = np.zeros(len(features[0].input_ids))
    start[0] = 3
    for threshold, expected in ((5.0, True), (7.0, False)):
        best = decode(
            examples, features, [start], [start], allow_null=True, null_threshold=threshold
        )
        assert (best["q"][0].text == "") is expected


def test_wrong_answer_starts_are_counted_and_skipped_or_refused(tmp_path: Path) -> None:
    def qa(number: int, at: int) -> dict:
        answers = [{"text": "blue", "answer_start": at}]
        return {"id": str(number), "question": "Which?", "answers": answers}

    path = tmp_path / "squad.json"
    paragraph = {"context": "Red or blue.", "qas": [qa(1, 7), qa(2, 3)]}
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [paragraph]}]}))
    assert [e.id for e in load_examples(path)] == ["1"]
    assert load_checked(path)[1] == ["2"]
    assert [e.answers for e in load_examples(path, on_mismatch="keep")] == [
        (("blue", 7),),
        (("blue", 3),),
    ]
    with pytest.raises(UserError, match="1 answers are not found"):
        load_examples(path, on_mismatch="refuse")


def test_damaged_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(b'{"data": []}' * 50))
    content[12:20] = b"\xff" * 8
    path = tmp_path / "squad.json.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"squad\.json\.gz: not a JSON file"):
        read_json(path)


@pytest.mark.parametrize("content", ["", "{}", '{"data": []}', '{"data": [1]}', "[]"])
def test_files_of_another_format_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "squad.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"squad\.json"):
        load_examples(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("question", None),
        ("question", "Which \ud83d?"),
        ("answers", [{"text": "blue", "answer_start": "seven"}]),
        ("answers", [{"text": 7, "answer_start": 7}]),
    ],
)
def test_question_with_values_of_other_types_is_refused(
    name: str, value: object, tmp_path: Path
) -> None:
    answers = [{"text": "blue", "answer_start": 7}]
    question = {"id": "1", "question": "Which?", "answers": answers, name: value}
    paragraph = {"context": "Red or blue.", "qas": [question]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [paragraph]}]}))
    with pytest.raises(UserError, match="not in the SQuAD format"):
        load_examples(path)


@pytest.mark.parametrize(("text", "at"), [("", 7), ("blue.", -5)])
def test_answer_that_is_not_at_its_start_is_dropped_and_counted(
    text: str, at: int, tmp_path: Path
) -> None:
    good, bad = {"text": "Red", "answer_start": 0}, {"text": text, "answer_start": at}
    question = {"id": "1", "question": "Which?", "answers": [good, bad]}
    paragraph = {"context": "Red or blue.", "qas": [question]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [paragraph]}]}))
    assert [e.answers for e in load_examples(path)] == [(("Red", 0),)]
    assert load_checked(path)[1] == ["1"]


def test_the_hubs_rows_are_the_files_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    row = {"id": "1", "title": "t", "context": "Red or blue.", "question": "Which?"}
    answered = {**row, "answers": {"text": ["blue"], "answer_start": [7]}}
    unanswered = {**row, "id": "2", "answers": {"text": [], "answer_start": []}}

    def load_rows(*place: object) -> tuple[list[dict], tuple]:
        asked.append(place)
        return [answered, unanswered], ()

    monkeypatch.setattr(hub, "load_rows", load_rows)
    first, second = load_examples("hub:rajpurkar/squad_v2:validation")
    assert first == Example("1", "Which?", "Red or blue.", (("blue", 7),), "t")
    assert second == Example("2", "Which?", "Red or blue.", (), "t")
    assert load_checked("hub:rajpurkar/squad")[1] == []
    assert asked == [
        ("rajpurkar/squad_v2", None, "validation"),
        ("rajpurkar/squad", None, "train"),
    ]


@pytest.mark.parametrize("start", ["Infinity", "-Infinity", "NaN", "1e999"])
def test_answer_whose_start_is_not_a_number_is_one_line(tmp_path: Path, start: str) -> None:
    answer = f'{{"text": "a", "answer_start": {start}}}'
    question = f'{{"id": "1", "question": "Which?", "answers": [{answer}]}}'
    path = tmp_path / "squad.json"
    path.write_text(f'{{"data": [{{"paragraphs": [{{"context": "a", "qas": [{question}]}}]}}]}}')
    with pytest.raises(UserError, match="not in the SQuAD format"):
        load_examples(path)


def test_answer_without_words_has_no_f1_in_the_script_of_v1() -> None:
    """`evaluate-v1.1.py` returns 0 where no word is in common, that of v2.0 compares."""
    example = Example("q", "Which article?", "It is the.", (("the", 6),))
    first, second = (scores_by_question([example], {"q": "a"}, v2) for v2 in (False, True))
    assert first.tolist() == [[100, 0]]
    assert second.tolist() == [[100, 100]]
