"""Names and texts from elsewhere with sequences of the terminal, changes of the direction of
writing, line breaks and brackets in them: what a command prints shows them by their codes."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.hostile_code import COMMANDS, WITHOUT_OUT
from tests.faults.processes import run

MARK, FORGED = "MARK", "FORGED"
SEQUENCES = (
    *("\x1b[2JMARK", "\x1b]0;gone\x07", "\x9b31mMARK", "\x9d0;gone\x9c", "MARK\x7f\x08\x08"),
    *("\u202eMARK", "\u2066MARK", "a\u2028FORGED", "a\x85FORGED", "a\nFORGED", "a\rFORGED"),
    *("[red]MARK[/red]", "[/]MARK", "[link=http://a.b]MARK[/link]", ":warning:MARK", "%s{0}MARK"),
)
UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
OF_THE_BARS = "\x1b[A"
FRAMES = re.compile(r"[\s│┃┡┩]")


def unsafe(printed: str, name: str) -> str | None:
    """What a terminal would do with a name instead of showing it."""
    printed = printed.replace(OF_THE_BARS, "")
    if found := UNSAFE.search(printed):
        return f"{found[0]!r} was printed: {printed[max(found.start() - 100, 0) : found.end()]!r}"
    if any(FRAMES.sub("", line).startswith(FORGED) for line in re.split("[\r\n]", printed)):
        return f"a line was forged: {printed[-300:]!r}"
    shown = {name, name.replace("/", "|")}
    joined = FRAMES.sub("", printed)
    if MARK in printed and not UNSAFE.search(name) and not any(each in joined for each in shown):
        return f"{name} is not shown whole: {printed[-300:]!r}"
    return None


def _in_config(change: Callable[[dict[str, Any], str], None]) -> Callable[[Path, str], Path]:
    def place(folder: Path, name: str) -> Path:
        path = folder / "model" / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        change(config, name)
        path.write_text(json.dumps(config), encoding="utf-8")
        return folder / "model"

    return place


def _labels(config: dict[str, Any], name: str) -> None:
    labels = [name, f"{name}2", f"{name}3"]
    config["id2label"] = dict(enumerate(labels))
    config["label2id"] = {label: number for number, label in enumerate(labels)}


def _folder(folder: Path, name: str) -> Path:
    renamed = folder / name.replace("/", "|")
    return (folder / "model").rename(renamed)


def _data(folder: Path, name: str) -> Path:
    """Text, rows and labels."""
    (folder / "text.txt").write_text(f"{name} and more\n" * 200, encoding="utf-8")
    one_line = json.dumps(name)[1:-1] if "\n" in name or "\r" in name else name
    for path in (*folder.glob("glue/*/*.tsv"), folder / "pairs.tsv"):
        text = path.read_text(encoding="utf-8").replace("\t1\n", f"\t{one_line}\n")
        path.write_text(text.replace("2.5\t", f"{one_line}\t"), encoding="utf-8")
    return folder / "model"


def _entry_of_the_vocabulary(folder: Path, name: str) -> Path:
    path = folder / "model" / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    first = next(token for token, number in vocabulary.items() if number == len(vocabulary) - 1)
    vocabulary[name] = vocabulary.pop(first)
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder / "model"


def _key_of_a_weight(folder: Path, name: str) -> Path:
    from safetensors.torch import load_file, save_file

    path = folder / "model" / "model.safetensors"
    weights = load_file(path)
    weights[name] = weights.pop("classifier.weight").contiguous()
    save_file(weights, path, metadata={"format": "pt"})
    return folder / "model"


PLACES: dict[str, Callable[[Path, str], Path]] = {
    "labels": _in_config(_labels),
    "type": _in_config(lambda config, name: config.update(model_type=name)),
    "class": _in_config(lambda config, name: config.update(architectures=[name])),
    "activation": _in_config(lambda config, name: config.update(hidden_act=name)),
    "key": _in_config(lambda config, name: config.update({name: name})),
    "folder": _folder,
    "data": _data,
    "vocabulary": _entry_of_the_vocabulary,
    "weight": _key_of_a_weight,
}


def named_by_a_stranger(folder: Path, draw: random.Random) -> str | None:
    """Run a command on a checkpoint or on data with such a name in it."""
    place, name, line = (draw.choice(x) for x in (sorted(PLACES), SEQUENCES, COMMANDS))
    return printed_by(folder, place, name, line)


def printed_by(folder: Path, place: str, name: str, line: tuple[str, ...]) -> str | None:
    model = PLACES[place](folder, name)
    named = {"M": str(model), "B": str(folder / "bundle")}
    named |= {word: str(folder / word) for word in ("text.txt", "pairs.tsv", "glue")}
    words = [named.get(word, word) for word in line[1:]]
    if line[0] not in WITHOUT_OUT:
        words += ["--out", str(folder / f"out {name.replace('/', '|')}")]
    if "--data" not in words and "stsb" in words:
        words += ["--data", named["glue"]]
    done = run([sys.executable, "-m", line[0], *words])
    said = done.stdout + done.stderr
    if done.returncode not in (0, 1, 2) or "Traceback" in said:
        return f"{place}, {name!r}, {line}: {done.returncode} {said}"
    problem = unsafe(said, name)
    return problem and f"{place}, {name!r}, {line[:3]}: {problem}"
