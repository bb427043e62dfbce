"""The table of tasks: each record reads data, decides, measures and predicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from distill.console.errors import UserError
from export.tasks.model_inputs import Inputs
from export.tasks.table import TASKS, task_named, tasks_of
from export.tasks.task import Outputs, Question, Reading

TEXT = "anna lives in new york bob sings well the ferry is late no yes [MASK]"
SPECIAL = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 18}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    vocabulary = {
        word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *TEXT.split()])
    }
    result = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    result.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    result.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return result


def reading(tokenizer: Tokenizer, **settings: Any) -> Reading:
    defaults = {
        "lengths": [8, 16],
        "special_ids": SPECIAL,
        "doc_stride": 4,
        "max_question_length": 4,
        "max_answer_length": 5,
    }
    return Reading(tokenizer, defaults | settings)


def test_every_record_is_named_as_in_the_table() -> None:
    for name, task in TASKS.items():
        assert task.name == name
        assert len(task.output_words) == len(task.outputs)
    with pytest.raises(UserError, match="unknown task 'ner'"):
        task_named("ner")


@pytest.mark.parametrize(
    ("architecture", "first"),
    [
        ("BertForQuestionAnswering", "qa"),
        ("RobertaForSequenceClassification", "classify"),
        ("DistilBertForTokenClassification", "tokens"),
        ("MPNetForMaskedLM", "mlm"),
        ("BertModel", "embed"),
    ],
)
def test_architectures_say_the_task(architecture: str, first: str) -> None:
    assert tasks_of([architecture])[0] == first
    assert tasks_of(["BertForSomething"]) == []


def test_padding_takes_the_id_of_the_tokenizer(tokenizer: Tokenizer) -> None:
    settings = reading(tokenizer, special_ids=SPECIAL | {"pad": 1})
    (inputs,) = settings.inputs([("anna", None)])
    assert inputs["input_ids"].tolist() == [[2, 4, 3, 1, 1, 1, 1, 1]]
    assert inputs["attention_mask"].sum() == 3


def classifier(*logits: float) -> Any:
    return lambda inputs: {"logits": np.array([logits], np.float32)}


@pytest.mark.parametrize(
    ("activation", "chance"),
    [("softmax", np.e**2 / (np.e**2 + 1)), ("sigmoid", 1 / (1 + np.e**-2))],
)
def test_probabilities_follow_the_activation(
    activation: str, chance: float, tokenizer: Tokenizer
) -> None:
    settings = reading(tokenizer, labels=["no", "yes"], activation=activation)
    answer = TASKS["classify"].predict(Question("bob sings"), settings, classifier(0, 2))
    (first, second) = answer.as_json()["labels"]
    assert first == {"label": "yes", "probability": pytest.approx(chance)}
    assert second["label"] == "no" and answer.words()[0].startswith("yes  (probability 0.8")


def test_a_regression_gives_its_number(tokenizer: Tokenizer) -> None:
    settings = reading(tokenizer, labels=["LABEL_0"], activation="identity")
    answer = TASKS["classify"].predict(Question("bob sings"), settings, classifier(3.5))
    assert answer.as_json() == {"values": [3.5]} and answer.words() == ["3.5000"]


def test_zero_shot_needs_entailment(tokenizer: Tokenizer) -> None:
    question = Question("bob sings", zero_shot=("music", "sea"))
    nli = reading(tokenizer, labels=["contradiction", "entailment"], activation="softmax")
    answer = TASKS["classify"].predict(question, nli, classifier(0, 1))
    assert [each.probability for each in answer.labels] == [0.5, 0.5]
    with pytest.raises(UserError, match="label entailment"):
        TASKS["classify"].predict(question, reading(tokenizer, labels=["a", "b"]), classifier(0, 1))


def tagger(labels: list[str], wanted: dict[int, str]) -> Any:
    """A model that gives each token id its tag."""

    def run(inputs: Inputs) -> Outputs:
        ids = inputs["input_ids"][0]
        logits = np.zeros((1, len(ids), len(labels)), np.float32)
        for position, token in enumerate(ids):
            logits[0, position, labels.index(wanted.get(int(token), "O"))] = 5
        return {"logits": logits}

    return run


LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TAGS = {4: "B-PER", 7: "B-LOC", 8: "I-LOC", 9: "B-PER"}


def test_entities_carry_their_characters(tokenizer: Tokenizer) -> None:
    settings = reading(tokenizer, labels=LABELS)
    text = "anna lives in new york"
    answer = TASKS["tokens"].predict(Question(text), settings, tagger(LABELS, TAGS))
    assert list(answer.as_json()) == ["text", "entities"]
    assert list(answer.as_json()["entities"][0]) == ["label", "probability", "start", "end", "text"]
    assert [(e.label, e.text) for e in answer.entities] == [
        ("PER", "anna"),
        ("LOC", "new york"),
    ]
    for entity in answer.entities:
        assert text[entity.start : entity.end] == entity.text


def test_entity_f1_is_that_of_seqeval(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tags.conll"
    path.write_text("anna B-PER\nlives O\nin O\nnew B-LOC\nyork I-LOC\n\nbob O\nsings O\n")
    task, settings = TASKS["tokens"], reading(tokenizer, labels=LABELS)
    workload = task.workload(task.read(path), settings)
    rows = [tagger(LABELS, TAGS)(inputs) for inputs in workload.inputs]
    assert workload.measure(rows)["entity_f1"] == pytest.approx(80)  # 2 of 3 found, 2 of 2 true


def test_rank_orders_passages_and_counts_the_first(tokenizer: Tokenizer, tmp_path: Path) -> None:
    def late_scores(inputs: Inputs) -> Outputs:
        return {"logits": np.array([[float(15 in inputs["input_ids"])]], np.float32)}

    task, settings = TASKS["rank"], reading(tokenizer, activation="identity")
    answer = task.predict(Question("the ferry", "bob sings\nis late"), settings, late_scores)
    assert answer.as_json() == {
        "query": "the ferry",
        "passages": [{"text": "is late", "score": 1.0}, {"text": "bob sings", "score": 0.0}],
    }
    path = tmp_path / "pairs.jsonl"
    rows = [("the ferry", "is late", 0), ("the ferry", "bob sings", 1), ("bob", "is late", 1)]
    path.write_text(
        "\n".join(json.dumps({"query": q, "passage": p, "label": n}) for q, p, n in rows)
    )
    workload = task.workload(task.read(path), settings)
    outputs = [late_scores(inputs) for inputs in workload.inputs]
    assert workload.measure(outputs) == {"mrr": pytest.approx(75)}


def test_embed_finds_the_nearest(tokenizer: Tokenizer) -> None:
    def counts(inputs: Inputs) -> Outputs:
        row = np.bincount(inputs["input_ids"][0], minlength=20)[None, 4:]
        return {"embedding": row.astype(np.float32)}

    settings = reading(tokenizer, similarity="cosine")
    question = Question("the ferry", "bob sings\nthe ferry is late\nin new york", n_best=2)
    answer = TASKS["embed"].predict(question, settings, counts)
    assert list(answer.as_json()) == ["text", "nearest"]
    first = answer.as_json()["nearest"][0]
    assert first == {"text": "the ferry is late", "similarity": pytest.approx(0.5**0.5)}
    alone = TASKS["embed"].predict(Question("the ferry"), settings, counts).as_json()
    assert list(alone) == ["text", "embedding"] and len(alone["embedding"]) == 16


def test_mlm_fills_the_mask(tokenizer: Tokenizer) -> None:
    def late(inputs: Inputs) -> Outputs:
        logits = np.zeros((1, inputs["input_ids"].shape[1], 19), np.float32)
        logits[0, :, 15] = 9
        return {"logits": logits}

    task, settings = TASKS["mlm"], reading(tokenizer)
    answer = task.predict(Question("the ferry is [MASK]"), settings, late)
    assert answer.as_json()["masks"][0][0] == {
        "token": "late",
        "probability": pytest.approx(1, abs=0.01),
    }
    assert answer.words()[0].startswith("late (0.99")
    with pytest.raises(UserError, match=r"has no \[MASK\]"):
        task.predict(Question("the ferry"), settings, late)


@pytest.mark.parametrize(("threshold", "text"), [(None, "anna"), (100.0, "anna"), (1.0, "")])
def test_no_answer_beats_the_span_by_its_threshold(
    threshold: float | None, text: str, tokenizer: Tokenizer
) -> None:
    """Null scores 8, the best span 4."""

    def run(inputs: Inputs) -> Outputs:
        logits = np.zeros((1, inputs["input_ids"].shape[1]), np.float32)
        logits[0, 0], logits[0, 4] = 4, 2
        return {"start_logits": logits, "end_logits": logits}

    settings = reading(tokenizer, no_answer_threshold=threshold)
    question = Question("the ferry", "anna lives")
    answer = TASKS["qa"].predict(question, settings, run)
    assert list(answer.as_json()) == ["question", "answers", "windows"]
    first = answer.as_json()["answers"][0]
    assert list(first) == ["text", "start", "end", "score", "probability"]
    assert first["text"] == answer.answers[0].text == text
    if not text:
        assert answer.words()[0].startswith("no answer")


def test_accuracy_is_read_from_each_format(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,label\n"bob, sings",yes\nanna,no\n')
    (tmp_path / "a.tsv").write_text("text\tlabel\nbob sings\t1\nanna\t0\n")
    (tmp_path / "a.jsonl").write_text('{"text": "bob", "label": 1}\n{"text": "anna", "label": 0}\n')
    task, settings = TASKS["classify"], reading(tokenizer, labels=["no", "yes"])
    for name in ("a.csv", "a.tsv", "a.jsonl"):
        workload = task.workload(task.read(tmp_path / name), settings)
        rows = [classifier(0, 1)(inputs) for inputs in workload.inputs]
        measured = workload.measure(rows)
        assert measured["accuracy"] == 50
        assert measured["macro_f1"] == pytest.approx(100 / 3)
    (tmp_path / "a.csv").write_text("text,label\nbob,maybe\n")
    with pytest.raises(UserError, match="'maybe' is not a label"):
        task.workload(task.read(tmp_path / "a.csv"), settings)
    (tmp_path / "a.xml").write_text("<a/>")
    with pytest.raises(UserError, match="unknown format"):
        task.read(tmp_path / "a.xml")


def test_words_with_other_spaces_are_read_as_the_training_reads_them(tmp_path: Path) -> None:
    from distill.tasks.tagged_texts import read_tagged

    path = tmp_path / "tags.conll"
    path.write_text("12\u00a0000 O\r\na\u2028b\tB-PER\n \t\nc O\n", encoding="utf-8")
    found = TASKS["tokens"].read(path)
    assert found == [(["12\u00a0000", "a\u2028b"], ["O", "B-PER"]), (["c"], ["O"])]
    words = [[text.text[a:b] for a, b in text.words] for text in read_tagged(path)]
    assert [words for words, _ in found] == words
