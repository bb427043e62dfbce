"""One's own rows, by the commands of docs/data.md, to a package and what it predicts: as typed but
for a tiny model in the place of MiniLM, and options that train it quickly."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
    pipeline,
)

from tests.docs.commands import shown_commands

COMMANDS = [shlex.split(line)[2:] for line in shown_commands(Path("docs/data.md"))]
QUICKLY = ["--learning_rate", "3e-3", "--num_train_epochs", "20", "--dropout", "0",
           "--per_device_train_batch_size", "16", "--save_strategy", "no", "--max_length", "32",
           "--report_to", "none", "--disable_tqdm", "true"]  # fmt: skip
THINGS = ("kettle", "lamp", "radio", "clock", "tent", "chair", "pen", "phone")
COLOURS = ("red", "old", "new", "big")
OPINIONS = {"good": "works very well", "bad": "broke at once", "neutral": "is quite grey"}
TAGS = {"Anna": "B-PER", "Bert": "B-PER", "Lee": "I-PER", "Paris": "B-LOC", "Rome": "B-LOC"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of four layers with random weights, whose vocabulary is the words of these tests."""
    folder = tmp_path_factory.mktemp("tiny")
    texts = [*THINGS, *COLOURS, *OPINIONS.values(), *TAGS, "the is in . , 0 1 2 3 4 5 6 7 8 9"]
    words = sorted({word for text in texts for word in text.lower().split()})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *words])}
    pieces = BertWordPieceTokenizer(vocabulary)
    names = {f"{token[1:-1].lower()}_token": token for token in special}
    PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **names).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=4,
                        num_attention_heads=4, intermediate_size=64, initializer_range=0.1,
                        max_position_embeddings=32)  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def chain(prefix: str, tiny: Path) -> list[tuple[str, list[str]]]:
    """The commands on folders called ``prefix``, with ``tiny`` for MiniLM."""
    found = []
    for module, *options in COMMANDS:
        if not any(option.startswith((f"runs/{prefix}", f"{prefix}-")) for option in options):
            continue
        options = [str(tiny) if option == "minilm" else option for option in options]
        if module == "distill.finetune":
            options += QUICKLY
        elif module == "distill.evaluate":
            options += ["--max_length", "32", "--json"]
        elif module == "export.coreml":
            options += ["--lengths", "32", "--json"]
        found.append((module, options))
    return found


def run(commands: Sequence[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What each printed."""
    printed = []
    for module, options in commands:
        capsys.readouterr()
        assert import_module(module).main(options) == 0, (module, options)
        printed.append(capsys.readouterr().out)
    return printed


def predicted(bundle: str, text: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (answer,) = run([("export.predict", [bundle, "--text", text, "--json"])], capsys)
    found: dict[str, Any] = json.loads(answer)
    return found


@pytest.mark.slow
def test_csv_of_three_labels_becomes_a_student_and_a_package(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows = [f"The {colour} {thing} {says}.,{label}" for thing in THINGS for colour in COLOURS
            for label, says in OPINIONS.items()]  # fmt: skip
    random.Random(0).shuffle(rows)
    for name, kept in (("reviews.csv", rows), ("reviews-test.csv", rows[:30])):
        (tmp_path / name).write_text("\n".join(["text,label", *kept]) + "\n")
    monkeypatch.chdir(tmp_path)
    commands = chain("class", tiny)
    assert [module for module, _ in commands] == [
        "distill.finetune", "distill.init_student", "distill.finetune", "distill.evaluate",
        "export.coreml", "export.predict",
    ]  # fmt: skip
    printed = run(commands, capsys)
    _compared(printed[3], "macro_f1")
    config = json.loads(Path("class-bundle/model.json").read_text())
    assert config["labels"] == sorted(OPINIONS)
    student = Path("runs/class/distilled-seed-42")
    model = AutoModelForSequenceClassification.from_pretrained(student).eval()
    tokenizer = AutoTokenizer.from_pretrained(student)
    for label, says in OPINIONS.items():
        text = f"The {COLOURS[0]} {THINGS[0]} {says}."
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        expected = dict(zip(config["labels"], logits.softmax(-1).tolist(), strict=True))
        found = predicted("class-bundle", text, capsys)["labels"]
        assert found[0]["label"] == label
        assert {r["label"]: r["probability"] for r in found} == pytest.approx(expected, abs=0.01)


@pytest.mark.slow
def test_conll_file_becomes_a_student_and_a_package(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    texts = [f"{who} {family}is in {where} ." for who in ("Anna", "Bert") for family in ("", "Lee ")
             for where in ("Paris", "Rome")]  # fmt: skip
    columns = ["\n".join(f"{w} {TAGS.get(w, 'O')}" for w in text.split()) for text in texts]
    for name, times in (("entities.conll", 6), ("entities-test.conll", 1)):
        kept = [f"{block}\n{n} O" for n in range(times) for block in columns]
        (tmp_path / name).write_text("\n\n".join(kept) + "\n")
    monkeypatch.chdir(tmp_path)
    printed = run(chain("tag", tiny), capsys)
    _compared(printed[3], "f1")
    witness = pipeline(
        "token-classification", "runs/tag/distilled-seed-42", aggregation_strategy="first"
    )
    text = "Anna Lee is in Paris ."
    expected = [(e["entity_group"], e["start"], e["end"]) for e in witness(text)]
    assert expected == [("PER", 0, 8), ("LOC", 15, 20)]
    found = predicted("tag-bundle", text, capsys)["entities"]
    assert [(e["label"], e["start"], e["end"]) for e in found] == expected


def _compared(printed: str, metric: str) -> None:
    """The distilled model has learnt it, and the difference has an interval."""
    report = json.loads(printed)
    assert report["second"][metric] > 80, report
    low, high = report["difference"][metric]["interval"]
    assert low <= report["difference"][metric]["difference"] <= high
