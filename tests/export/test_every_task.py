"""`export.predict` and `export.verify` of every task, by their commands, against the libraries: the
pipelines of `transformers`, `sentence-transformers`, and the measures of others."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, f1_score

import export.coreml
from distill.tasks import statistics
from export import predict, verify
from export.tasks.table import TASKS
from tests.export.tiny_models import save_checkpoint

sentence_transformers = pytest.importorskip("sentence_transformers")
LABELS = {
    "classify": ("contradiction", "neutral", "entailment"),
    "tokens": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
}
LENGTH = 64
PASSAGE = "a cat sat on the mat"
QUESTION = "who sat there?"
TEXTS = ("rain, then sun", "the bank said nothing", "a ferry", "nobody knew why")
SENTENCES = (("a ferry", "the boat", 3.2), ("rain", "sun", 1.0), ("a cat", "the cats", 4.5))
PASSAGES = (
    ("who sat", "a cat sat", 1),
    ("who sat", "rain", 0),
    ("why", "sun", 0),
    ("why", "so", 1),
)
TAGGED = (
    (("anna", "lives", "here"), ("B-PER", "O", "B-LOC")),
    (("in", "new", "york"), ("O", "B-LOC", "I-LOC")),
)
MASKED = "the [MASK] said nothing"
MeasuresOf = Callable[[str], Mapping[str, float]]


def settings_of(task: str) -> dict[str, Any]:
    names = dict(enumerate(LABELS.get(task, ())))
    numbers = {name: number for number, name in names.items()}
    return {"num_labels": len(names), "id2label": names, "label2id": numbers} if names else {}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[str, str]]:
    """Task -> a tiny random checkpoint for it and its bundle."""
    done: dict[str, tuple[str, str]] = {}

    def make(task: str) -> tuple[str, str]:
        if task not in done:
            place = tmp_path_factory.mktemp(task)
            folder, out = str(place / "tiny"), str(place / "bundle")
            save_checkpoint("bert", task, Path(folder), **settings_of(task))
            options = ["--model", folder, "--task", task, "--lengths", str(LENGTH), "--out", out]
            with contextlib.redirect_stdout(
                io.StringIO()
            ):  # a test reads what its own commands say
                assert export.coreml.main(options) == 0
            done[task] = folder, out
        return done[task]

    return make


def logits_of(auto_class: Any, folder: str, *texts: str) -> np.ndarray:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        output = auto_class.from_pretrained(folder).eval()(**tokenizer(*texts, return_tensors="pt"))
    return np.asarray(output.logits[0].numpy(), np.float64)


def best_span(folder: str) -> str:
    """The span of the passage with the highest sum of logits, by going over all."""
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(QUESTION, PASSAGE, return_tensors="pt", return_offsets_mapping=True)
    offsets, places = batch.pop("offset_mapping")[0].tolist(), batch.sequence_ids()
    with torch.no_grad():
        output = model(**batch)
    inside = [i for i, place in enumerate(places) if place == 1]
    starts, ends = output.start_logits[0], output.end_logits[0]
    first, last = max(
        ((a, b) for a in inside for b in inside if a <= b < a + 30),
        key=lambda span: float(starts[span[0]] + ends[span[1]]),
    )
    return PASSAGE[offsets[first][0] : offsets[last][1]]


def answer_of(capsys: pytest.CaptureFixture[str], bundle: str, *options: str) -> dict[str, Any]:
    """What `export.predict` answers as JSON; it has to print words too."""
    assert predict.main([bundle, *options]) == 0
    assert "ms in the package" in capsys.readouterr().out
    assert predict.main([bundle, *options, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_predict_qa(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("qa")
    found = answer_of(capsys, bundle, "--question", QUESTION, "--passage", PASSAGE)["answers"][0]
    assert found["text"] == best_span(folder)
    assert found["text"] == PASSAGE[found["start"] : found["end"]]


def test_predict_classify(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("classify")
    library = transformers.pipeline("text-classification", folder, top_k=None)
    alone = answer_of(capsys, bundle, "--text", TEXTS[0])["labels"]
    pair = answer_of(capsys, bundle, "--text", TEXTS[0], "--passage", TEXTS[1])["labels"]
    for found, given in ((alone, [TEXTS[0]]), (pair, [{"text": TEXTS[0], "text_pair": TEXTS[1]}])):
        expected = library(given)[0]
        assert [each["label"] for each in found] == [each["label"] for each in expected]
        chances = [each["score"] for each in expected]
        assert [each["probability"] for each in found] == pytest.approx(chances, abs=2e-3)


@pytest.mark.parametrize("labels", [("money", "the weather", "sea"), ("money",)])
def test_predict_zero_shot(
    labels: tuple[str, ...], made: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, bundle = made("classify")
    library = transformers.pipeline("zero-shot-classification", folder)
    expected = library(TEXTS[1], list(labels))
    found = answer_of(capsys, bundle, "--text", TEXTS[1], "--zero-shot", ",".join(labels))["labels"]
    assert [each["label"] for each in found] == expected["labels"]
    chances = [each["probability"] for each in found]
    assert chances == pytest.approx(expected["scores"], abs=2e-3)


def test_predict_tokens(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("tokens")
    library = transformers.pipeline("token-classification", folder, aggregation_strategy="first")
    kinds = set()
    for text in (*TEXTS, PASSAGE):
        found = answer_of(capsys, bundle, "--text", text)["entities"]
        expected = [(e["entity_group"], e["start"], e["end"]) for e in library(text)]
        assert [(e["label"], e["start"], e["end"]) for e in found] == expected
        kinds |= {kind for kind, _, _ in expected}
    assert kinds


def test_predict_rank(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("rank")
    lines = "\n".join(TEXTS)
    found = answer_of(capsys, bundle, "--text", QUESTION, "--passage", lines)["passages"]
    scores = sentence_transformers.CrossEncoder(folder).predict([(QUESTION, t) for t in TEXTS])
    assert {e["text"]: e["score"] for e in found} == pytest.approx(
        dict(zip(TEXTS, map(float, scores), strict=True)), abs=2e-3
    )
    assert [e["score"] for e in found] == sorted((e["score"] for e in found), reverse=True)


def test_predict_embed(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("embed")
    model = sentence_transformers.SentenceTransformer(folder)
    vectors = model.encode([QUESTION, *TEXTS], normalize_embeddings=True)
    found = answer_of(capsys, bundle, "--text", QUESTION)["embedding"]
    assert found == pytest.approx(vectors[0].tolist(), abs=2e-3)
    nearest = answer_of(
        capsys, bundle, "--text", QUESTION, "--passage", "\n".join(TEXTS), "--n-best", "4"
    )["nearest"]
    expected = dict(zip(TEXTS, (vectors[1:] @ vectors[0]).tolist(), strict=True))
    assert {e["text"]: e["similarity"] for e in nearest} == pytest.approx(expected, abs=2e-3)


def test_predict_mlm(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("mlm")
    expected = transformers.pipeline("fill-mask", folder, top_k=5)(MASKED)
    (found,) = answer_of(capsys, bundle, "--text", MASKED)["masks"]
    assert [each["token"] for each in found] == [each["token_str"] for each in expected]
    chances = [each["score"] for each in expected]
    assert [each["probability"] for each in found] == pytest.approx(chances, abs=2e-3)


def test_predict_features(made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, bundle = made("features")
    expected = np.array(transformers.pipeline("feature-extraction", folder)(TEXTS[0])[0])
    found = np.array(answer_of(capsys, bundle, "--text", TEXTS[0])["features"])
    np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected).max())


def write_data(task: str, folder: Path) -> Path:
    """A data file of a task, in its format."""
    answer = {"text": "a cat", "answer_start": 0}
    entry = {"id": "1", "question": QUESTION, "answers": [answer]}
    squad = {"version": "1.1", "data": [{"paragraphs": [{"context": PASSAGE, "qas": [entry]}]}]}
    name, content = {
        "qa": ("dev.json", json.dumps(squad)),
        "classify": ("rows.csv", "text,label\n" + "".join(f'"{t}",neutral\n' for t in TEXTS)),
        "tokens": (
            "tags.conll",
            "\n".join(
                "".join(f"{word} {tag}\n" for word, tag in zip(words, tags, strict=True))
                for words, tags in TAGGED
            ),
        ),
        "rank": (
            "pairs.tsv",
            "query\tpassage\tlabel\n" + "".join(f"{q}\t{p}\t{n}\n" for q, p, n in PASSAGES),
        ),
        "embed": (
            "pairs.jsonl",
            "".join(
                json.dumps({"sentence1": a, "sentence2": b, "score": score}) + "\n"
                for a, b, score in SENTENCES
            ),
        ),
        "mlm": ("lines.txt", "\n".join(TEXTS)),
        "features": ("lines.txt", "\n".join(TEXTS)),
    }[task]
    (folder / name).write_text(content)
    return folder / name


def squad_measures(folder: str) -> Mapping[str, float]:
    from torchmetrics.text import SQuAD

    answers = {"answer_start": [0], "text": ["a cat"]}
    scores = SQuAD()(
        [{"prediction_text": best_span(folder), "id": "1"}], [{"answers": answers, "id": "1"}]
    )
    return {key: float(value) for key, value in scores.items()}


def label_measures(folder: str) -> Mapping[str, float]:
    library = transformers.pipeline("text-classification", folder)
    decided = [each["label"] for each in library(list(TEXTS))]
    truth = ["neutral"] * len(TEXTS)
    macro = f1_score(truth, decided, average="macro", zero_division=0)
    return {"accuracy": 100 * accuracy_score(truth, decided), "macro_f1": 100 * float(macro)}


def tag_measures(folder: str) -> Mapping[str, float]:
    from seqeval.metrics import f1_score as entity_f1

    library = transformers.pipeline("token-classification", folder, ignore_labels=[])
    decided = []
    for words, _ in TAGGED:
        tags = {each["start"]: each["entity"] for each in library(" ".join(words))}
        starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
        decided.append([tags[int(start)] for start in starts])
    truth = [list(tags) for _, tags in TAGGED]
    return {"entity_f1": 100 * float(entity_f1(truth, decided, zero_division=0))}


def rank_measures(folder: str) -> Mapping[str, float]:
    scores = sentence_transformers.CrossEncoder(folder).predict([(q, p) for q, p, _ in PASSAGES])
    places = []
    for query in ("who sat", "why"):
        own = [(s, n) for s, (q, _, n) in zip(scores, PASSAGES, strict=True) if q == query]
        places.append(1 / (1 + [n for _, n in sorted(own, reverse=True)].index(1)))
    return {"mrr": 100 * float(np.mean(places))}


def similarity_measures(folder: str) -> Mapping[str, float]:
    model = sentence_transformers.SentenceTransformer(folder)
    first, second = (model.encode([pair[i] for pair in SENTENCES]) for i in (0, 1))
    values = model.similarity_pairwise(first, second).tolist()
    return {"spearman": 100 * float(spearmanr([s for *_, s in SENTENCES], values).statistic)}


def mask_measures(folder: str) -> Mapping[str, float]:
    """The loss of every seventh token of a line, at most eight of them, each masked alone."""
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    losses = []
    for text in TEXTS:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        for position in range(1, ids.shape[1] - 1, 7):
            labels, masked = torch.full_like(ids, -100), ids.clone()
            labels[0, position], masked[0, position] = ids[0, position], tokenizer.mask_token_id
            with torch.no_grad():
                losses.append(float(model(input_ids=masked, labels=labels).loss))
    return {"perplexity": float(np.exp(np.mean(losses)))}


MEASURES: dict[str, MeasuresOf] = {
    "qa": squad_measures,
    "classify": label_measures,
    "tokens": tag_measures,
    "rank": rank_measures,
    "embed": similarity_measures,
    "mlm": mask_measures,
    "features": lambda _: {},
}


@pytest.mark.parametrize("task", TASKS)
def test_verify_measures_on_data(
    task: str,
    made: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(statistics, "FEWEST", 2)  # examples that have an interval
    folder, bundle = made(task)
    data = write_data(task, tmp_path)
    assert verify.main([bundle, "--data", str(data)]) == 0
    assert "Within tolerance of" in capsys.readouterr().out
    assert verify.main([bundle, "--against", folder, "--data", str(data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    expected = MEASURES[task](folder)
    assert {key: report[key] for key in expected} == pytest.approx(expected, rel=1e-4)
    of_package = {key: report[f"package_{key}"] for key in expected}
    assert of_package == pytest.approx(expected, rel=5e-3)
    differences = report["differences"]
    assert differences or task in ("qa", "features")  # one article; no right answers
    for name, found in differences.items():
        by_hand = report[f"package_{name}"] - report[name]
        assert found["difference"] == pytest.approx(by_hand, abs=1e-6)
    # Two bundles on the same data.
    assert verify.main([bundle, bundle, "--data", str(data), "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert both["agreement"] == 1 and both["examples"] == report["examples"]
    for side in ("first", "second"):
        assert {key: both[f"{side}_{key}"] for key in expected} == of_package
    assert {tuple(found["interval"]) for found in both["differences"].values()} <= {(0, 0)}


def test_text_that_is_cut_is_said(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody should take the entities of a beginning for those of the whole."""
    _, bundle = made("tokens")
    text = "anna lives in new york " * 9
    assert predict.main([bundle, "--text", text, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["cut_texts"] == 1
    assert f"1 text was cut: the longest input is {LENGTH} tokens" in printed.err
    data = tmp_path / "long.conll"
    data.write_text("anna B-PER\n\n" + "lives O\n" * 40)
    assert verify.main([bundle, "--data", str(data)]) == 0
    assert "2 (texts that were cut: 1)" in capsys.readouterr().out
    _, bundle = made("qa")
    assert answer_of(capsys, bundle, "--question", QUESTION, "--passage", text)["cut_texts"] == 0


def test_zero_shot_of_another_task_is_refused(
    made: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict.main([made("tokens")[1], "--text", TEXTS[0], "--zero-shot", "money"]) == 2
    assert "--zero-shot is for classifiers, not for tokens" in capsys.readouterr().err
    options = ["--text", TEXTS[0], "--passage", TEXTS[1], "--zero-shot", "money"]
    assert predict.main([made("classify")[1], *options]) == 2
    assert "leave --passage out" in capsys.readouterr().err
