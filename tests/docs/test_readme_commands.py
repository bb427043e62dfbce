"""Every command of the README and of the page on data, in order, as typed, in an empty folder with
small data made for it: `make docs`."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import TEXTS
from tests.docs.commands import ROOT, shown_commands

README = shown_commands(Path("README.md"))
DATA = shown_commands(Path("docs/data.md"))
MINUTES = 10
OPINIONS = {
    "good": ("I love the {}.", "The {} works very well.", "A wonderful {}, five stars."),
    "bad": ("The {} broke after a day.", "I regret that I bought the {}.", "A terrible {}."),
    "neutral": ("The {} came on Monday.", "It is a {}.", "The {} is grey and weighs a pound."),
}
THINGS = ("kettle", "lamp", "phone", "battery", "radio", "clock", "bicycle", "tent", "chair", "pen")


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, squad_file: Path, minilm_directory: Path
) -> Path:
    """An empty folder but for the data files that the README names."""
    folder = tmp_path_factory.mktemp("readme")
    write_reviews(folder / "reviews.csv")
    passages = (TEXTS / "passages.txt").read_text(encoding="utf-8")
    (folder / "passage.txt").write_text(passages, encoding="utf-8")
    sentences = [line for line in passages.replace(". ", ".\n").splitlines() if line.strip()]
    (folder / "sentences.txt").write_text("\n".join(sentences), encoding="utf-8")
    (folder / "STS-B").mkdir()
    names = (
        *("index", "genre", "filename", "year", "old_index", "source1", "source2"),
        *("sentence1", "sentence2", "score"),
    )
    pairs = pairwise(sentences)
    lines = ["\t".join(names)] + [
        "\t".join([str(i), *["-"] * 6, *(s.replace("\t", " ") for s in pair), str(i % 6)])
        for i, pair in enumerate(pairs)
    ]
    (folder / "STS-B" / "dev.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with gzip.open(folder / "dev-v1.1.json.gz", "wt", encoding="utf-8") as packed:
        json.dump(json.loads(squad_file.read_text(encoding="utf-8")), packed)
    return folder


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


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(README))
def test_commands_of_the_readme_work_as_typed(folder: Path) -> None:
    run_in_order(README, folder)


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES * len(DATA))
def test_commands_of_the_page_on_data_work_as_typed(tmp_path: Path, minilm_directory: Path) -> None:
    texts = [f"The {a} is beside the {b}." for a in THINGS for b in THINGS]
    texts += [f"Nobody took the {a} or the {b}." for a in THINGS for b in THINGS]
    (tmp_path / "sentences.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    pairs = [
        f"Number {n}: the {a} is here.\tHere is the {b}, number {n}.\t{5 * (a == b)}"
        for n, (one, other) in enumerate(pairwise(THINGS * 6))
        for a, b in ((one, one), (one, other))
    ]
    header = "sentence1\tsentence2\tscore"
    (tmp_path / "pairs.tsv").write_text("\n".join([header, *pairs]) + "\n", encoding="utf-8")
    ranked = [
        f"where is the {a} number {n},The {b} is here.,{int(a == b)}"
        for n in range(6)
        for i, a in enumerate(THINGS)
        for b in (a, THINGS[i - 1], THINGS[i - 2])
    ]
    header = "query,passage,label"
    (tmp_path / "ranking.csv").write_text("\n".join([header, *ranked]) + "\n", encoding="utf-8")
    for name in ("reviews.csv", "reviews-test.csv"):
        write_reviews(tmp_path / name)
    for name in ("entities.conll", "entities-test.conll"):
        write_entities(tmp_path / name)
    run_in_order(DATA, tmp_path)


def run_in_order(commands: list[str], folder: Path) -> None:
    """As typed, in ``folder``; each must end well and print something."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("DISTILKIT_DATA", None)
    for command in commands:
        words = shlex.split(command)
        result = subprocess.run(
            [sys.executable, *words[1:]],
            cwd=folder, env=environment, capture_output=True, text=True,
            timeout=60 * MINUTES, check=False,
        )  # fmt: skip
        assert result.returncode == 0, f"{command}\n{result.stderr[-2000:]}"
        assert result.stdout.strip(), f"{command}: it printed nothing"
