"""Small data for the commands that the pages show, under the names that they show."""

from __future__ import annotations

import csv
import random
from itertools import pairwise
from pathlib import Path

OPINIONS = {
    "good": ("I love the {}.", "The {} works very well.", "A wonderful {}, five stars."),
    "bad": ("The {} broke after a day.", "I regret that I bought the {}.", "A terrible {}."),
    "neutral": ("The {} came on Monday.", "It is a {}.", "The {} is grey and weighs a pound."),
}
THINGS = ("kettle", "lamp", "phone", "battery", "radio", "clock", "bicycle", "tent", "chair", "pen")


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
