"""Intervals of `distill.evaluate` against `scipy.stats.bootstrap` with the libraries' metrics:
articles, passages and documents are drawn whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap, pearsonr, spearmanr
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import f1_score, matthews_corrcoef
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import BertProcessing
from transformers import (
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    PreTrainedTokenizerFast,
)

from distill.evaluate import main

WORDS = ["bread", "mill", "stone", "water", "wheel", "flour", "house", "river"]
UNITS = 15
NOTE = f"note: independent examples: {UNITS} ("
Capture = pytest.CaptureFixture[str]
Metric = Callable[[np.ndarray], float]


def report(capsys: Capture, *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    return {**json.loads(printed.out), "notes": printed.err}


def check(interval: Sequence[float], clusters: Sequence[object], metric: Metric) -> None:
    """``metric``: of the numbers of examples, in percent."""
    units = [
        np.flatnonzero([key == other for other in clusters]) for key in dict.fromkeys(clusters)
    ]

    def of_units(drawn: np.ndarray) -> float:
        return metric(np.concatenate([units[unit] for unit in drawn]))

    expected = bootstrap(
        (np.arange(len(units)),), of_units, vectorized=False, n_resamples=1000,
        method="percentile", rng=np.random.default_rng(7),
    ).confidence_interval  # fmt: skip
    width = expected.high - expected.low
    assert width > 0
    assert list(interval) == pytest.approx([expected.low, expected.high], abs=0.15 * width)


def checkpoint(folder: Path, kind: Any, names: Sequence[str] = (), **own: Any) -> Path:
    """A model with large random weights, which answers differently from text to text."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    numbers = {word: number for number, word in enumerate([*special, *WORDS, *map(str, range(50))])}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    named = {f"{word[1:-1].lower()}_token": word for word in special}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    torch.manual_seed(len(folder.name))
    labels = {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}
    config = BertConfig(
        vocab_size=len(numbers), hidden_size=32, num_hidden_layers=1, num_attention_heads=4,
        intermediate_size=32, initializer_range=1.0, **(labels if names else {}), **own,
    )  # fmt: skip
    kind.from_config(config).save_pretrained(folder)
    return folder


def written(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sentence(chance: np.random.Generator, words: int) -> str:
    return " ".join(chance.choice(WORDS, words))


def test_scores_of_pairs_with_one_passage(tmp_path: Path, capsys: Capture) -> None:
    chance = np.random.default_rng(0)
    passages = [sentence(chance, 9) for _ in range(UNITS)] * 3
    scores = np.tile(chance.random(UNITS).round(1) * 5, 3)
    rows = [f"{p}\t{sentence(chance, 3)}\t{s}" for p, s in zip(passages, scores, strict=True)]
    written(tmp_path / "STS-B" / "dev.tsv", "sentence1\tsentence2\tscore", *rows)
    model = checkpoint(tmp_path / "model", AutoModelForSequenceClassification, num_labels=1)
    saved = tmp_path / "answers.json"
    line = ["--task", "stsb", "--model", model, "--data", tmp_path, "--max_length", "64"]
    found = report(capsys, *line, "--save_predictions", saved)
    assert NOTE in found["notes"]
    found = found["intervals"]
    answers = np.array(json.loads(saved.read_text())["dev"])

    def spearman(at: np.ndarray) -> float:
        return 100 * float(spearmanr(scores[at], answers[at]).statistic)

    def pearson(at: np.ndarray) -> float:
        return 100 * float(pearsonr(scores[at], answers[at]).statistic)

    check(found["spearman"], passages, spearman)
    check(found["pearson"], passages, pearson)
    check(found["score"], passages, lambda at: (spearman(at) + pearson(at)) / 2)


def test_difference_of_two_models_on_pairs_with_one_passage(
    tmp_path: Path, capsys: Capture
) -> None:
    chance = np.random.default_rng(5)
    passages = [sentence(chance, 9) for _ in range(UNITS)] * 3
    scores = np.tile(chance.random(UNITS).round(1) * 5, 3)
    rows = [f"{p}\t{sentence(chance, 3)}\t{s}" for p, s in zip(passages, scores, strict=True)]
    written(tmp_path / "STS-B" / "dev.tsv", "sentence1\tsentence2\tscore", *rows)
    line = ["--task", "stsb", "--data", tmp_path, "--max_length", "64"]
    kind, answers, models = AutoModelForSequenceClassification, [], []
    for name in ("first", "second"):
        models.append(checkpoint(tmp_path / name, kind, num_labels=1))
        saved = tmp_path / f"{name}.json"
        report(capsys, *line, "--model", models[-1], "--save_predictions", saved)
        answers.append(np.array(json.loads(saved.read_text())["dev"]))
    found = report(capsys, *models, *line)["difference"]

    def differ(at: np.ndarray) -> float:
        first, second = (float(spearmanr(scores[at], each[at]).statistic) for each in answers)
        return 100 * (second - first)

    assert found["spearman"]["difference"] == pytest.approx(differ(np.arange(3 * UNITS)), abs=1e-6)
    check(found["spearman"]["interval"], passages, differ)


def test_classes_of_pairs_with_one_passage(tmp_path: Path, capsys: Capture) -> None:
    """The passage is the second column here: it is the longer one."""
    chance = np.random.default_rng(1)
    passages = [sentence(chance, 9) for _ in range(UNITS)] * 3
    truth = np.tile(chance.integers(0, 3, UNITS), 3)
    rows = [f"{sentence(chance, 3)},{p},{'abc'[t]}" for p, t in zip(passages, truth, strict=True)]
    data = written(tmp_path / "rows.csv", "question,passage,label", *rows)
    model = checkpoint(tmp_path / "model", AutoModelForSequenceClassification, ("a", "b", "c"))
    saved = tmp_path / "answers.json"
    line = ["--task", "classify", "--model", model, "--data", data, "--max_length", "64"]
    found = report(capsys, *line, "--save_predictions", saved)
    assert NOTE in found["notes"]
    found = found["intervals"]
    answers = np.array(json.loads(saved.read_text())["dev"])
    assert len(set(answers)) > 1
    check(found["accuracy"], passages, lambda at: 100 * float((truth == answers)[at].mean()))
    check(
        found["macro_f1"],
        passages,
        lambda at: 100 * float(f1_score(truth[at], answers[at], average="macro")),
    )


def test_entities_of_documents(tmp_path: Path, capsys: Capture) -> None:
    chance = np.random.default_rng(2)
    names = ("O", "B-X", "I-X")
    lines, truth, documents = [], [], []
    for number in range(3 * UNITS):
        if number % 3 == 0:
            lines += ["-DOCSTART- O", ""]
            words, tags = chance.choice(WORDS, 8), chance.choice(names, 8).tolist()
        truth.append([*tags, "O"])
        documents.append(number // 3)
        lines += [f"{word} {tag}" for word, tag in zip(words, tags, strict=True)]
        lines += [f"{WORDS[number % 3]} O", ""]
    data = written(tmp_path / "data.conll", *lines)
    model = checkpoint(tmp_path / "model", AutoModelForTokenClassification, names)
    saved = tmp_path / "answers.json"
    line = ["--task", "tokens", "--model", model, "--data", data, "--max_length", "64"]
    found = report(capsys, *line, "--save_predictions", saved)
    answers = json.loads(saved.read_text())["dev"]

    def f1(at: np.ndarray) -> float:
        return 100 * float(entity_f1([truth[i] for i in at], [answers[i] for i in at]))

    assert NOTE in found["notes"]
    assert found["f1"] == pytest.approx(f1(np.arange(3 * UNITS)))
    check(found["intervals"]["f1"], documents, f1)


def test_questions_with_and_without_answer(tmp_path: Path, capsys: Capture) -> None:
    chance = np.random.default_rng(3)
    articles, titles, answered = [], [], []
    for number in range(80):
        context = sentence(chance, 12)
        word = context.split()[5]
        stated = [{"text": word, "answer_start": context.index(word)}] if number % 3 else []
        question = {"id": str(number), "question": "which mill?", "answers": stated}
        question |= {"is_impossible": not stated}
        titles.append(str(number % 20))
        articles.append(
            {"title": titles[-1], "paragraphs": [{"context": context, "qas": [question]}]}
        )
        answered.append(stated[0]["text"] if stated else "")
    data = written(tmp_path / "data.json", json.dumps({"data": articles}))
    texts = {str(n): chance.choice([answered[n], "", "gate"]) for n in range(80)}
    saved = written(tmp_path / "answers.json", json.dumps(texts))
    found = report(capsys, "--task", "squad2", "--predictions", saved, "--data", data)["intervals"]
    right = np.array([texts[str(n)] == text for n, text in enumerate(answered)], dtype=float)
    has = np.array([bool(text) for text in answered])
    check(found["exact_match"], titles, lambda at: 100 * right[at].mean())
    check(found["HasAns_exact"], titles, lambda at: 100 * right[at][has[at]].mean())
    check(found["NoAns_f1"], titles, lambda at: 100 * right[at][~has[at]].mean())
    model = checkpoint(tmp_path / "model", AutoModelForQuestionAnswering)
    line = ["--task", "squad2", "--model", model, "--data", data, "--max_length", "64"]
    found = report(capsys, *line)
    ends = found["intervals"]
    assert "best_f1_threshold" not in ends
    assert ends["best_f1"][0] < found["best_f1"] < ends["best_f1"][1]


def test_glue_has_the_interval_of_every_task_and_of_their_mean(
    tmp_path: Path, capsys: Capture
) -> None:
    chance = np.random.default_rng(4)
    truth = {name: chance.integers(0, 2, 50) for name in ("sst2", "cola")}
    texts = [f"{sentence(chance, 2 + n % 9)} {n}" for n in range(50)]
    rows = [f"{text}\t{label}" for text, label in zip(texts, truth["sst2"], strict=True)]
    written(tmp_path / "SST-2" / "dev.tsv", "sentence\tlabel", *rows)
    rows = [f"x\t{label}\t\t{text}" for text, label in zip(texts, truth["cola"], strict=True)]
    written(tmp_path / "CoLA" / "dev.tsv", *rows)
    answers = {}
    for name in truth:
        kind = AutoModelForSequenceClassification
        model = checkpoint(tmp_path / "models" / name, kind, ("0", "1"))
        saved = tmp_path / f"{name}.json"
        line = ["--task", name, "--model", model, "--data", tmp_path, "--max_length", "64"]
        report(capsys, *line, "--save_predictions", saved)
        answers[name] = np.array(json.loads(saved.read_text())["dev"])
    found = report(capsys, "--task", "glue", "--model", tmp_path / "models", "--data", tmp_path,
                   "--max_length", "64")["intervals"]  # fmt: skip
    assert found.keys() == {"sst2", "cola", "macro_score"}

    def matthews(at: np.ndarray) -> float:
        return 100 * float(matthews_corrcoef(truth["cola"][at], answers["cola"][at]))

    check(found["cola"], texts, matthews)
    width = np.sqrt(sum((found[n][1] - found[n][0]) ** 2 for n in truth)) / 2  # independent
    assert found["macro_score"][1] - found["macro_score"][0] == pytest.approx(width, rel=0.2)


def test_several_labels_of_pairs_with_one_passage(tmp_path: Path, capsys: Capture) -> None:
    chance = np.random.default_rng(6)
    passages = [sentence(chance, 9) for _ in range(UNITS)] * 3
    truth = np.tile(chance.integers(0, 2, (UNITS, 3)), (3, 1))
    names = ["|".join(n for n, has in zip("abc", row, strict=True) if has) for row in truth]
    rows = [f"{sentence(chance, 3)},{p},{n}" for p, n in zip(passages, names, strict=True)]
    data = written(tmp_path / "rows.csv", "question,passage,label", *rows)
    kind, own = AutoModelForSequenceClassification, {"problem_type": "multi_label_classification"}
    model = checkpoint(tmp_path / "model", kind, ("a", "b", "c"), **own)
    saved = tmp_path / "answers.json"
    line = ["--task", "classify", "--model", model, "--data", data, "--max_length", "64"]
    found = report(capsys, *line, "--save_predictions", saved)
    answers = np.array(json.loads(saved.read_text())["dev"])

    def micro(at: np.ndarray) -> float:
        return 100 * float(f1_score(truth[at], answers[at], average="micro"))

    assert found["f1"] == pytest.approx(micro(np.arange(len(truth))))
    check(found["intervals"]["f1"], passages, micro)


def test_rankings_by_query(tmp_path: Path, capsys: Capture) -> None:
    from sklearn.metrics import ndcg_score

    chance = np.random.default_rng(7)
    queries = [f"{sentence(chance, 3)} {n // 4}" for n in range(4 * UNITS)]
    queries = [queries[4 * (n // 4)] for n in range(4 * UNITS)]
    truth = np.tile([1, 0, 0, 0], UNITS)
    rows = [f"{q},{sentence(chance, 8)},{t}" for q, t in zip(queries, truth, strict=True)]
    data = written(tmp_path / "rows.csv", "query,passage,label", *rows)
    model = checkpoint(tmp_path / "model", AutoModelForSequenceClassification, num_labels=1)
    saved = tmp_path / "answers.json"
    line = ["--task", "rank", "--model", model, "--data", data, "--max_length", "64"]
    found = report(capsys, *line, "--save_predictions", saved)["intervals"]
    answers = np.array(json.loads(saved.read_text())["dev"])

    def gain(at: np.ndarray) -> float:
        shape = (-1, 4)
        return 100 * float(ndcg_score(truth[at].reshape(shape), answers[at].reshape(shape), k=10))

    def reciprocal(at: np.ndarray) -> float:
        scores = answers[at].reshape(-1, 4)
        return 100 * float((1 / (1 + (scores[:, 1:] > scores[:, :1]).sum(1))).mean())

    check(found["ndcg"], queries, gain)
    check(found["mrr"], queries, reciprocal)


@pytest.mark.parametrize("task", ["rank", "embed"])
def test_correlations_of_pairs_with_one_passage(task: str, tmp_path: Path, capsys: Capture) -> None:
    chance = np.random.default_rng(8)
    passages = [sentence(chance, 9) for _ in range(UNITS)] * 3
    scores = np.tile(chance.random(UNITS).round(2), 3)
    pairs = zip(passages, scores, strict=True)
    rows = [f"{sentence(chance, 3)} {n},{p},{s}" for n, (p, s) in enumerate(pairs)]
    data = written(tmp_path / "rows.csv", "sentence1,sentence2,label", *rows)
    kind = AutoModelForSequenceClassification if task == "rank" else AutoModel
    model = checkpoint(tmp_path / "model", kind, **({"num_labels": 1} if task == "rank" else {}))
    saved = tmp_path / "answers.json"
    line = ["--task", task, "--model", model, "--data", data, "--max_length", "64"]
    found = report(capsys, *line, "--save_predictions", saved)
    assert NOTE in found["notes"]
    found = found["intervals"]
    answers = np.array(json.loads(saved.read_text())["dev"])
    check(found["spearman"], passages,
          lambda at: 100 * float(spearmanr(scores[at], answers[at]).statistic))  # fmt: skip
