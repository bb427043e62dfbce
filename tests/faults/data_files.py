"""Attacks on data: questions, predictions of them, and rows of a table."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
from pathlib import Path

from tests.faults.mutations import mutate_bytes, mutate_json

NUMBERS = (*map(float, ("inf", "-inf", "nan")), 1e308, 10**400, -(10**400), -1, 2.5, True, "0")
ROWS = "sentence\tlabel\n" + "a few words\t1\nsome more\t0\n" * 9


def data(folder: Path) -> None:
    """Three articles, answers of them, and rows of a task of GLUE."""
    articles = []
    for number in range(3):
        context = f"Article {number} is about the colour blue. It is long."
        answer = {"text": "blue", "answer_start": context.index("blue")}
        question = {"id": str(number), "question": "Which?", "answers": [answer]}
        articles.append(
            {"title": str(number), "paragraphs": [{"context": context, "qas": [question]}]}
        )
    folder.mkdir()
    (folder / "squad.json").write_text(json.dumps({"version": "1.1", "data": articles}))
    (folder / "answers.json").write_text(json.dumps({"0": "blue", "1": "red", "2": "blue"}))
    (folder / "SST-2").mkdir()
    (folder / "SST-2" / "dev.tsv").write_text(ROWS)
    (folder / "SST-2" / "train.tsv").write_text(ROWS)


def mutated_data(folder: Path, draw: random.Random) -> str | None:
    """Change a value or some bytes of a file, plain or gzipped: the scores, or one line."""
    name = draw.choice(("squad.json", "squad.json", "answers.json", "SST-2/dev.tsv"))
    path = folder / name
    if name.endswith(".tsv") or draw.randrange(4) == 0:
        mutate_bytes(path, draw)
    elif draw.randrange(3) == 0 and name == "squad.json":
        content = json.loads(path.read_text())
        (question,) = draw.choice(content["data"])["paragraphs"][0]["qas"]
        question["answers"][0]["answer_start"] = draw.choice(NUMBERS)
        path.write_text(json.dumps(content))
    else:
        mutate_json(path, draw)
    if draw.randrange(4) == 0:
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        if draw.randrange(2):
            mutate_bytes(packed, draw)
        path = packed
    return _read(folder, path, draw)


def _read(folder: Path, path: Path, draw: random.Random) -> str | None:
    from distill.evaluate import main
    from distill.tasks.glue import load_examples
    from tests.faults.attacks import reading

    if path.parent.name == "SST-2":
        return reading(lambda place: load_examples("sst2", "dev", place), folder)
    named = {name: next(folder.glob(f"{name}*")) for name in ("squad.json", "answers.json")}
    line = ["--task", draw.choice(("squad", "squad2")), "--data", str(named["squad.json"])]
    printed, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(error):
        status = main([*line, "--predictions", str(named["answers.json"])])
    errors = [text for text in error.getvalue().splitlines() if text.startswith("error: ")]
    fine = status == 0 or (status == 2 and len(errors) == 1)
    if status == 0 and any(wrong in printed.getvalue() for wrong in ("nan", "inf")):
        return f"scores that are no numbers: {printed.getvalue()}"
    return None if fine else f"{path.name}: {status} {error.getvalue()}"
