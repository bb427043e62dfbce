"""Small data for the commands that the pages show, under the names that they show."""

from __future__ import annotations

import csv
import gzip
import json
import random
import shutil
from itertools import pairwise
from pathlib import Path

from tests.conftest import TEXTS
from tests.docs.commands import ROOT

OPINIONS = {
    "good": ("I love the {}.", "The {} works very well.", "A wonderful {}, five stars."),
    "bad": ("The {} broke after a day.", "I regret that I bought the {}.", "A terrible {}."),
    "neutral": ("The {} came on Monday.", "It is a {}.", "The {} is grey and weighs a pound."),
}
THINGS = ("kettle", "lamp", "phone", "battery", "radio", "clock", "bicycle", "tent", "chair", "pen")


COPIES = 60
STS_B = (
    *("index", "genre", "filename", "year", "old_index", "source1", "source2"),
    *("sentence1", "sentence2", "score"),
)
RUN = """\
teacher: runs/teacher
layers: "3"
text: sentences.txt
corpus_dir: runs/corpus-of-nodes
output_dir: runs/nodes
"""


def write_all(folder: Path, squad: Path) -> None:
    """Every file that a page names but does not make; ``squad`` has a few questions."""
    for name in ("reviews", "reviews-test", "train", "test"):
        write_reviews(folder / f"{name}.csv")
    for name in ("entities", "entities-test", "train", "test"):
        write_entities(folder / f"{name}.conll")
    write_pairs(folder / "pairs.tsv")
    write_ranking(folder / "ranking.csv")
    (folder / "pairs.csv").write_text(
        "sentence1,sentence2,label\n"
        + "".join(f"{one},{other},{n % 3}\n" for n, (one, other) in enumerate(pairwise(texts()))),
        encoding="utf-8",
    )
    passages = (TEXTS / "passages.txt").read_text(encoding="utf-8")
    for name in ("passage.txt", "passages.txt"):
        (folder / name).write_text(passages, encoding="utf-8")
    sentences = [line for line in passages.replace(". ", ".\n").splitlines() if line.strip()]
    (folder / "sentences.txt").write_text("\n".join([*sentences, *texts()]), encoding="utf-8")
    for place in ("corpus", "books", "wikisplit"):
        (folder / place).mkdir()
        lines = "\n".join(f"{one} {other}" for one, other in pairwise(texts()))
        (folder / place / "sentences.txt.gz").write_bytes(gzip.compress(lines.encode()))
    _write_glue(folder, sentences)
    _write_squad(folder, json.loads(squad.read_text(encoding="utf-8")))
    (folder / "run.yaml").write_text(RUN, encoding="utf-8")
    (folder / "ios_app" / "QADemo").mkdir(parents=True)
    report = ROOT / "ios_app" / "Tests" / "TextModelsTests" / "Golden" / "report.json"
    shutil.copy(report, folder / "device-results.json")
    (folder / "data").mkdir()
    shutil.copytree(folder / "glue", folder / "data" / "glue")
    shutil.copytree(folder / "corpus", folder / "data" / "corpus")
    shutil.copytree(folder / "wikisplit", folder / "data" / "corpus" / "wikisplit")
    (folder / "data" / "squad").mkdir()
    shutil.copy(folder / "dev-v1.1.json.gz", folder / "data" / "squad")


def _write_glue(folder: Path, sentences: list[str]) -> None:
    """STS-B and SST-2 in the official layout, and STS-B alone."""
    pairs = ["\t".join(STS_B)] + [
        "\t".join([str(n), *["-"] * 6, *(text.replace("\t", " ") for text in pair), str(n % 6)])
        for n, pair in enumerate(pairwise(sentences))
    ]
    labels = ["sentence\tlabel", *(f"{text}\t{n % 2}" for n, text in enumerate(texts()[:40]))]
    for place, lines in (("glue/STS-B", pairs), ("glue/SST-2", labels)):
        (folder / place).mkdir(parents=True)
        for name in ("dev.tsv", "train.tsv"):
            (folder / place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(folder / "glue" / "STS-B", folder / "STS-B")
    packed = gzip.compress((folder / "STS-B" / "train.tsv").read_bytes())
    (folder / "STS-B" / "train.tsv.gz").write_bytes(packed)


def _write_squad(folder: Path, rows: dict[str, object]) -> None:
    """Questions of both versions, the first on a long passage, and two files of answers to them."""
    (folder / "many.json").write_text(_repeated(rows, COPIES), encoding="utf-8")
    rows = _with_long_passage(rows)
    (folder / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "dev-v1.1.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    answers = {}
    for article in rows["data"]:  # type: ignore[attr-defined]
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers[question["id"]] = question["answers"][0]["text"]
    first = next(iter(answers))
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    (folder / "labels.json").write_text(json.dumps({**answers, first: "no"}), encoding="utf-8")
    answered = False
    for article in rows["data"]:  # type: ignore[attr-defined]
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answered = not answered
                question["is_impossible"] = not answered
                question["answers"] = question["answers"] if answered else []
    (folder / "dev-v2.0.json").write_text(json.dumps(rows), encoding="utf-8")


def _with_long_passage(rows: dict[str, object]) -> dict[str, object]:
    """All passages as one before them, with the first question: inputs of several lengths. Each is
    an article of its own: intervals need several."""
    passages = [p for article in rows["data"] for p in article["paragraphs"]]  # type: ignore[attr-defined]
    context = "\n".join(passage["context"] for passage in passages)
    question = {**passages[0]["qas"][0], "id": "long"}
    paragraphs = [{"context": context, "qas": [question]}, *passages]
    articles = [{"title": str(n), "paragraphs": [each]} for n, each in enumerate(paragraphs)]
    return {**rows, "data": articles}


def _repeated(rows: dict[str, object], copies: int) -> str:
    """The passages again and again, each a little longer and with ids of its own: enough that a
    share of them can be held out."""
    articles = []
    for copy in range(copies):
        again = json.loads(json.dumps(rows["data"]))
        for article in again:
            for paragraph in article["paragraphs"]:
                paragraph["context"] += f" {copy}"
                for question in paragraph["qas"]:
                    question["id"] = f"{copy}-{question['id']}"
        articles += again
    return json.dumps({**rows, "data": articles})


def write_reviews(path: Path) -> None:
    rows = [
        (text.format(thing), label)
        for label, texts in OPINIONS.items()
        for text in texts
        for thing in THINGS
    ]
    random.Random(0).shuffle(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def write_entities(path: Path) -> None:
    texts = [
        [(name, "B-PER"), *[("Lee", "I-PER")] * family, ("is", "O"), ("in", "O"), (town, "B-LOC")]
        for name in ("Anna", "Bert", "Clara", "David", "Emma", "Frank")
        for family in (0, 1)
        for town in ("Paris", "Rome", "Berlin", "Madrid", "London", "Vienna", "Oslo")
    ]
    columns = ["".join(f"{word} {tag}\n" for word, tag in [*text, (".", "O")]) for text in texts]
    path.write_text("\n".join(columns), encoding="utf-8")


def texts() -> list[str]:
    """200 short sentences."""
    beside = [f"The {a} is beside the {b}." for a in THINGS for b in THINGS]
    return beside + [f"Nobody took the {a} or the {b}." for a in THINGS for b in THINGS]


def write_pairs(path: Path) -> None:
    pairs = [
        f"Number {n}: the {a} is here.\tHere is the {b}, number {n}.\t{5 * (a == b)}"
        for n, (one, other) in enumerate(pairwise(THINGS * 6))
        for a, b in ((one, one), (one, other))
    ]
    path.write_text("\n".join(["sentence1\tsentence2\tscore", *pairs]) + "\n", encoding="utf-8")


def write_ranking(path: Path) -> None:
    ranked = [
        f"where is the {a} number {n},The {b} is here.,{int(a == b)}"
        for n in range(6)
        for i, a in enumerate(THINGS)
        for b in (a, THINGS[i - 1], THINGS[i - 2])
    ]
    path.write_text("\n".join(["query,passage,label", *ranked]) + "\n", encoding="utf-8")
