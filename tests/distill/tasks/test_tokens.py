"""Own entities: both formats, labels at first pieces, losses, seqeval's F1, and the commands."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from seqeval.metrics import f1_score, precision_score, recall_score
from transformers import AutoModelForTokenClassification, AutoTokenizer

from distill.console.errors import UserError
from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from distill.tasks.options import TaskOptions
from distill.tasks.table import TASKS
from distill.tasks.tagged_inputs import TokenFeature, same_words, tagged_features
from distill.tasks.tagged_texts import TaggedText, read_tagged
from distill.tasks.task import Data, Labels
from distill.tasks.tokens import Tokens, decided_tags

TOKENS = TASKS["tokens"]
NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
SENTENCE = "-DOCSTART- -X- O\n\nAnna NNP B-PER\nLee NNP I-PER\nleft VBD O\nParis NNP B-LOC\n. . O\n"


def columns(path: Path, rows: int = 40) -> Path:
    path.write_text("\n".join(f"{SENTENCE}no{n} NN O\n" for n in range(rows)), encoding="utf-8")
    return path


def spans(path: Path, text: str, *stated: tuple[int, int, str]) -> Path:
    rows = [{"start": start, "end": end, "label": label} for start, end, label in stated]
    path.write_text(json.dumps({"text": text, "spans": rows}) + "\n", encoding="utf-8")
    return path


def test_columns_are_words_and_last_tags(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_bytes((SENTENCE + "\n\nRome\tB-LOC\n").replace("\n", "\r\n").encode())
    first, second = read_tagged(path)
    assert first.text == "Anna Lee left Paris ."
    assert first.tags == ("B-PER", "I-PER", "O", "B-LOC", "O")
    assert [first.text[low:high] for low, high in first.words] == first.text.split()
    assert (second.text, second.tags) == ("Rome", ("B-LOC",))


def test_spans_become_tags_of_whole_words(tmp_path: Path) -> None:
    text = "Anna Lee (Paris), Berlins 東京"
    stated = [(0, 9, "PER"), (10, 15, "LOC"), (18, 24, "LOC"), (26, 28, "LOC")]
    (found,) = read_tagged(spans(tmp_path / "train.jsonl", text, *stated))
    words = [text[low:high] for low, high in found.words]
    assert words == ["Anna", "Lee", "(", "Paris", ")", ",", "Berlins", "東", "京"]
    expected = ["B-PER", "I-PER", "O", "B-LOC", "O", "O", "B-LOC", "B-LOC", "I-LOC"]
    assert found.tags == tuple(expected)
    assert found.widened == 1  # Berlin in Berlins; the blank after Lee is none of a word


def test_labels_stand_at_first_pieces(small_teacher: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(small_teacher)
    texts = read_tagged(columns(tmp_path / "train.conll", 2))
    features = tagged_features(texts, tokenizer, 40)
    targets = TOKENS.targets(features, 40, Labels(NAMES, ""))["targets"]
    for text, row in zip(texts, targets, strict=True):
        words = text.text.split()
        encoded = tokenizer(words, is_split_into_words=True, truncation=True, max_length=40)
        expected, before = [-100] * 40, None
        for place, word in enumerate(encoded.word_ids()):
            if word is not None and word != before:
                expected[place] = NAMES.index(text.tags[word])
            before = word
        assert row.tolist() == expected


def long_sentence(path: Path) -> Path:
    """One of 30 words, and a short one."""
    words = ["Anna B-PER", "Lee I-PER", "saw O", "Rome B-LOC", ". O"] * 6
    path.write_text("\n".join([*words, "", "Anna B-PER", ". O"]) + "\n")
    return path


def test_long_sentences_are_cut_between_words_and_no_word_is_lost(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = long_sentence(tmp_path / "data.conll")
    texts = read_tagged(data)
    options = TaskOptions(data=str(data), max_length=12)
    features = TOKENS.features(texts, small_teacher, options)
    assert "cut between words, into" in capsys.readouterr().err
    assert {f.example for f in features} == {0, 1} and len(features) > 3
    assert max(len(f.input_ids) for f in features) <= 12
    assert not any(None in f.firsts for f in features)
    parts = same_words(texts, features)
    assert [p.text for p in parts if p is not texts[1]] == _as_parts(parts, texts[0].text)
    assert [tag for f in features for tag in f.tags] == [tag for t in texts for tag in t.tags]
    tokenizer = AutoTokenizer.from_pretrained(small_teacher)
    room = 12 - tokenizer.num_special_tokens_to_add()
    for part, after in itertools.pairwise(parts[:-1]):  # one word more does not fit
        more = f"{part.text} {after.text.split()[0]}"
        assert len(tokenizer(more, add_special_tokens=False).input_ids) > room


def _as_parts(parts: list[TaggedText], text: str) -> list[str]:
    """``text``, whose words stand between single blanks, in pieces as long as ``parts``."""
    words = iter(text.split(" "))
    return [" ".join(next(words) for _ in part.words) for part in parts[:-1]]


def test_long_sentence_is_scored_with_all_its_words(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against the answers of transformers for each part, joined."""
    data = long_sentence(tmp_path / "data.conll")
    line = ["--task", "tokens", "--data", str(data), "--eval_data", str(data), "--max_length", "12"]
    train = ["--model", str(small_teacher), "--max_steps", "3", "--learning_rate", "1e-2"]
    train += ["--save_strategy", "no", "--report_to", "none", "--disable_tqdm", "true"]
    assert finetune([*line, *train, "--out", str(tmp_path / "run")]) == 0
    texts = read_tagged(data)
    parts = same_words(texts, TOKENS.features(texts, tmp_path / "run", TaskOptions(max_length=12)))
    rows = tmp_path / "parts.conll"
    blocks = [zip(part.text.split(), part.tags, strict=True) for part in parts]
    rows.write_text("\n\n".join("\n".join(map(" ".join, block)) for block in blocks) + "\n")
    *first, second = _plain_answers(tmp_path / "run", rows)
    answers = [[tag for part in first for tag in part], second]
    saved = tmp_path / "tags.json"
    capsys.readouterr()
    line = [*line[:4], "--max_length", "12", "--model", str(tmp_path / "run"), "--json"]
    assert evaluate([*line, "--save_predictions", str(saved)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert json.loads(saved.read_text())["dev"] == answers
    assert (found["total"], found["missing"]) == (2, 0)
    truth = [list(text.tags) for text in texts]
    assert found["f1"] == pytest.approx(100 * f1_score(truth, answers))


def test_words_of_one_piece_are_one_entity() -> None:
    logits = np.eye(5)[[0, 3, 0, 1]].T  # O, B-PER, O, B-LOC
    found = decided_tags([1, 1, 2, None, 3], logits, NAMES)
    assert found == ["B-PER", "I-PER", "O", "O", "B-LOC"]


def test_losses_are_means_over_labelled_tokens() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, 1, 5, 4, generator=generator).double().unbind()
    batch = {"targets": torch.tensor([[-100, 3, -100, 0]])}
    chances = ours[0].softmax(0).log()
    hard = -(chances[3, 1] + chances[0, 3]).item() / 2
    assert TOKENS.hard_loss(ours, batch, None).item() == pytest.approx(hard, abs=1e-12)
    soft = 0.0
    for place in (1, 3):
        p, q = ((x[0, :, place] / 2).softmax(0).tolist() for x in (theirs, ours))
        soft += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) * 4 / 2
    assert TOKENS.soft_loss(ours, theirs, batch, 2.0, None).item() == pytest.approx(soft, abs=1e-12)


def test_entity_scores_are_those_of_seqeval() -> None:
    chance = np.random.default_rng(0)
    sizes = chance.integers(1, 12, 40)
    truth = [[NAMES[i] for i in chance.integers(0, 5, n)] for n in sizes]
    logits = [chance.normal(size=(5, n)) for n in sizes]
    for tags, values in zip(truth, logits, strict=True):  # half of the words right
        for place, tag in enumerate(tags):
            values[NAMES.index(tag), place] += 2
    answers = [[NAMES[i] for i in values.argmax(0)] for values in logits]
    features = [TokenFeature([0] * n, None, list(range(n)), tuple(tags), number)
                for number, (n, tags) in enumerate(zip(sizes, truth, strict=True))]  # fmt: skip
    data = Data([], {"dev": []}, Labels(NAMES, ""))
    found = TOKENS.score(data, {"dev": features}, {"dev": logits}, TaskOptions()).metrics
    for name, score in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        assert 10 < found[name] < 90
        assert found[name] == pytest.approx(100 * score(truth, answers))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.conll", "Anna\n", "line 1: a word without a tag"),
        ("a.conll", "Anna NNP\n", "line 1: 'NNP' is not an entity tag"),
        ("a.conll", "\n\n", "has no sentences"),
        ("a.conll", "Anna O\n", "no word of the training data is tagged"),
        ("a.conll", "Anna B-PER\nLee B-Per\n", "PER and Per differ in case alone"),
        ("a.csv", "text,label\n", "unknown format"),
        ("a.jsonl", '{"text": "Anna"}', "row 1: needs a text, and its spans"),
        ("a.jsonl", '{"text": "A", "spans": [{"start": 0, "end": 9, "label": "X"}]}', "from 0 to"),
        ("a.jsonl", '{"text": "A\\ud800", "spans": []}', "half of a surrogate pair"),
        ("a.jsonl", '{"text": "A", "spans": [{"start": 0}]}', "a span needs start, end and label"),
    ],
)
def test_broken_data_is_named(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        TOKENS.read(TaskOptions(data=str(path), eval_data=str(path)))


def test_unknown_and_overlapping_labels_are_named(tmp_path: Path) -> None:
    train, other = columns(tmp_path / "train.conll"), tmp_path / "dev.conll"
    other.write_text("Acme B-ORG\n")
    with pytest.raises(UserError, match="text 1: 'B-ORG' is not a label"):
        TOKENS.read(TaskOptions(data=str(train), eval_data=str(other)))
    both = spans(tmp_path / "a.jsonl", "Anna Lee", (0, 8, "PER"), (5, 8, "LOC"))
    with pytest.raises(UserError, match="'Lee' shares a word with another span"):
        read_tagged(both)


def test_labels_of_a_checkpoint_are_read_without_regard_to_case(tmp_path: Path) -> None:
    options = TaskOptions(data=str(columns(tmp_path / "dev.conll")))
    found = TOKENS.read_scored(options, Labels(("o", "b-loc", "i-loc", "b-per", "i-per"))).labels
    assert found is not None and found.names == ("O", "B-loc", "I-loc", "B-per", "I-per")
    with pytest.raises(UserError, match="the model's label 'NOUN' is not an entity tag"):
        TOKENS.read_scored(options, Labels((*NAMES, "NOUN")))


def test_a_conll_file_becomes_a_teacher_a_student_and_a_score(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(TOKENS, Tokens)
    data = tmp_path / "train.conll"
    names = ("Anna", "Boris", "Clara", "David")
    rows = [f"{names[n % 4]} B-PER\nsaw O\nno{n} O\nin O\nRome B-LOC\n" for n in range(40)]
    data.write_text("\n".join(rows))
    common = ["--task", "tokens", "--data", str(data), "--model", str(small_teacher)]
    common += ["--max_length", "32", "--report_to", "none", "--use_cpu", "--eval_share", "0.2"]
    common += ["--disable_tqdm", "true", "--save_strategy", "no", "--learning_rate", "1e-2"]
    teacher, output = tmp_path / "teacher", tmp_path / "run"
    assert finetune([*common, "--max_steps", "40", "--output_dir", str(teacher)]) == 0
    stored = json.loads((teacher / "config.json").read_text())
    assert list(stored["id2label"].values()) == list(NAMES)
    assert json.loads((teacher / "metrics.json").read_text())["dev"]["f1"] > 90
    distil = ["--teacher", str(teacher), "--baseline", "--max_steps", "2", "--seed", "7"]
    distil += ["--logits_cache", str(tmp_path / "logits"), "--output_dir", str(output)]
    assert finetune([*common, *distil]) == 0
    summary = json.loads((output / "summary.json").read_text())
    assert {"f1", "precision", "recall"} == summary["gain"].keys()
    saved = tmp_path / "tags.json"
    capsys.readouterr()
    options = ["--task", "tokens", "--data", str(data), "--max_length", "32", "--json"]
    options += ["--model", str(teacher), "--save_predictions", str(saved)]
    assert evaluate(options) == 0
    found = json.loads(capsys.readouterr().out)
    truth = [list(text.tags) for text in read_tagged(data)]
    assert found["f1"] == pytest.approx(100 * f1_score(truth, _plain_answers(teacher, data)))
    assert json.loads(saved.read_text())["dev"] == _plain_answers(teacher, data)


def _plain_answers(model: Path, data: Path) -> list[list[str]]:
    """Tags by transformers alone, one sentence at a time."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = AutoModelForTokenClassification.from_pretrained(model).eval()
    answers = []
    for text in read_tagged(data):
        encoded = tokenizer(text.text.split(), is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            best = loaded(**encoded).logits[0].argmax(-1).tolist()
        words = encoded.word_ids()
        firsts = [words.index(number) for number in range(len(text.words))]
        answers.append([loaded.config.id2label[best[place]] for place in firsts])
    return answers


def test_word_without_a_token_of_the_teacher_is_not_taught_by_it() -> None:
    labels = Labels(("O", "B-X", "I-X"), "")
    feature = TokenFeature([1, 5, 6, 2], None, [1, 2], ("O", "B-X"), 0)
    asked = TokenFeature([1, 5, 2], None, [1, None], ("O", "B-X"), 0)
    teacher = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    logits = torch.randn(1, 3, 4, requires_grad=True)
    carried = torch.from_numpy(TOKENS.aligned(teacher, asked, feature))[None]
    batch = TOKENS.targets([feature], 4, labels)
    loss = TOKENS.soft_loss(logits, carried, batch, 2.0, labels)
    loss.sum().backward()
    own, taught = (torch.softmax(x / 2, -1) for x in (logits[0, :, 1], carried[0, :, 1]))
    expected = 4 * (taught * (taught.log() - own.log())).sum()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    assert not logits.grad[0, :, 2].any() and logits.grad[0, :, 1].any()
