"""Answers of one tokenizer's tokens as those of another's, by the characters that both share."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import ByteLevelBPETokenizer, Tokenizer
from tokenizers.processors import TemplateProcessing

from distill.tasks.other_windows import carried, same_windows
from distill.tasks.squad import Example, Feature, make_features
from tests.word_pieces import word_pieces


@pytest.fixture(scope="module")
def wordpiece(passages: list[str]) -> Tokenizer:
    return word_pieces(passages)._tokenizer


@pytest.fixture(scope="module")
def bpe(passages: list[str]) -> Tokenizer:
    """As RoBERTa's: two separators, blanks inside of tokens."""
    pieces = ByteLevelBPETokenizer(trim_offsets=True)
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces.train_from_iterator(passages, 600, special_tokens=specials, show_progress=False)
    pieces._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return pieces._tokenizer


@pytest.fixture(scope="module")
def examples(passages: list[str]) -> list[Example]:
    return [Example(str(i), "What of it?", text, ()) for i, text in enumerate(passages[:4])]


def characters(feature: Feature, row: np.ndarray, edge: int) -> dict[int, float]:
    """The probability of every character to be a start (edge 0) or an end (edge 1)."""
    weights = np.exp(row - row.max())
    places = feature.offsets
    shares = weights[feature.first : feature.first + len(places)] / weights.sum()
    return {place[edge]: share for place, share in zip(places, shares, strict=True)}


def test_windows_are_on_the_same_characters(
    wordpiece: Tokenizer, bpe: Tokenizer, examples: list[Example]
) -> None:
    features = make_features(examples, wordpiece, 48, 16)
    asked, cut = same_windows(examples, features, bpe, 512)
    assert len(asked) == len(features) > len(examples) and cut == 0
    for own, other in zip(features, asked, strict=True):
        context = examples[own.example_index].context
        (low, _), (_, high) = own.offsets[0], own.offsets[-1]
        assert other.offsets[0][0] <= low < other.offsets[0][1]
        assert other.offsets[-1][0] < high <= other.offsets[-1][1]
        whole = bpe.encode(examples[own.example_index].question, context)
        assert set(other.input_ids) <= set(whole.ids)
        assert other.input_ids[: other.first] == whole.ids[: other.first]


def test_whole_passages_are_what_the_tokenizer_makes_of_a_pair(
    wordpiece: Tokenizer, bpe: Tokenizer, examples: list[Example]
) -> None:
    features = make_features(examples, wordpiece, 512)
    for example, other in zip(examples, same_windows(examples, features, bpe, 512)[0], strict=True):
        assert other.input_ids == bpe.encode(example.question, example.context).ids


def test_a_window_that_is_too_long_is_cut_and_counted(
    wordpiece: Tokenizer, bpe: Tokenizer, examples: list[Example]
) -> None:
    features = make_features(examples, wordpiece, 512)
    asked, cut = same_windows(examples, features, bpe, 24)
    assert cut == len(features) and {len(f.input_ids) for f in asked} == {24}
    found = carried(np.zeros((2, 24), np.float32), asked[0], features[0])
    assert found.shape == (2, len(features[0].input_ids))


@pytest.mark.parametrize("swapped", [False, True])
def test_probabilities_go_to_the_token_that_has_the_character(
    swapped: bool, wordpiece: Tokenizer, bpe: Tokenizer, examples: list[Example]
) -> None:
    """The probability of all characters of a token, summed one by one."""
    own, other = (bpe, wordpiece) if swapped else (wordpiece, bpe)
    features = make_features(examples, own, 512)
    asked, _ = same_windows(examples, features, other, 512)
    chance = np.random.default_rng(0)
    for feature, theirs in zip(features, asked, strict=True):
        logits = chance.normal(size=(2, len(theirs.input_ids))).astype(np.float32) * 3
        logits[:, 1 : theirs.first] = logits[:, -1] = -1e4  # the question has none
        found = carried(logits, theirs, feature).astype(np.float64)
        shares = np.exp(found - found.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        for edge in (0, 1):
            by_character = characters(theirs, logits[edge].astype(np.float64), edge)
            places = feature.offsets
            for number, (low, high) in enumerate(places):
                before = places[number - 1][1] if number else -1
                after = places[number + 1][0] if number + 1 < len(places) else np.inf
                inside = (
                    (lambda c, a=low, b=after: a <= c < b)
                    if edge == 0
                    else (lambda c, a=before, b=high: a < c <= b)
                )
                expected = sum(share for c, share in by_character.items() if inside(c))
                assert shares[edge][feature.first + number] == pytest.approx(expected, abs=1e-6)
            null = np.exp(logits[edge, 0]) / np.exp(logits[edge].astype(np.float64)).sum()
            assert shares[edge, 0] == pytest.approx(null, abs=1e-6)


def test_equal_tokens_keep_their_logits(wordpiece: Tokenizer, examples: list[Example]) -> None:
    features = make_features(examples, wordpiece, 48, 16)
    asked, _ = same_windows(examples, features, wordpiece, 48)
    assert [f.input_ids for f in asked] == [f.input_ids for f in features]
    logits = np.random.default_rng(0).normal(size=(2, 48)).astype(np.float32)
    inside = slice(features[0].first, features[0].first + len(features[0].offsets))
    found = carried(logits, asked[0], features[0])
    assert np.array_equal(found[:, inside], logits[:, inside])


def test_a_passage_without_tokens_has_no_answer(wordpiece: Tokenizer, bpe: Tokenizer) -> None:
    empty = [Example("0", "What?", "\u200b", ())]
    features = make_features(empty, wordpiece, 48)
    asked, _ = same_windows(empty, features, bpe, 48)
    found = carried(np.ones((2, 48), np.float32), asked[0], features[0])
    assert found.argmax(1).tolist() == [0, 0]
