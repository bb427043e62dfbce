"""Golden files of every kind of tokenizer for the Swift tests, made by `tokenizers`.

    python ios_app/Tools/make_kinds.py                                    # the committed ones
    python ios_app/Tools/make_kinds.py --out ios_app/build/kinds --data DATA [--every 1]

The second trains on the text below DATA (docs/data.md), takes every Unicode scalar, random texts
and each `--every`-th question and passage of SQuAD. `swift test` reads it from the folder that the
variable QA_KINDS names.

A folder for each kind holds tokenizer.json; texts.jsonl, a line a text `{"text", "ids", "starts",
"ends"}`, offsets in Unicode scalars; and pairs.jsonl, a line a pair of texts (or one) with special
tokens, cut to `longest` tokens.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from hard_texts import LINES, SPOKEN, every_scalar, hard_texts, random_texts
from make_golden import PROSE, text_rows, write_rows
from tokenizer_kinds import FLAG_TEXTS, kinds, train
from tokenizers import Tokenizer

from distill.console.errors import command

COMMITTED = Path(__file__).parent.parent / "Tests" / "TextModelsTests" / "GoldenKinds"
FEW = [SPOKEN[number] for number in (3, 4, 5, 6, 7, 11, 14, 16, 18, 20, 22, 29)]
JOINED = [
    "\u0600a \u0600\u0301 \u0600\u1100\u1161 \u00a9\u200d\u00a9 \u0600\u00ad a\u0301\u0301\u0301",
    "  leading, trailing  \t\n and   runs  ",
    "x\u3000 \u00a0y 'sn't 'LL we'll 'd've '' ``quoted'' 12ab34 _a_",
]
"""Short clusters that SentencePiece's table takes whole; white space; contractions."""


def pair_rows(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row a text, alone or with another, for some longest numbers of tokens."""
    for number, first in enumerate(texts):
        second = texts[-number - 1] if number % 3 else None
        longest = (7, 16, 32, None)[number % 4]
        if longest is None:
            tokenizer.no_truncation()
        else:
            tokenizer.enable_truncation(longest, strategy="longest_first")
        coded = tokenizer.encode(first, second)
        starts, ends = zip(*coded.offsets, strict=True)
        yield {
            "first": first, "second": second, "longest": longest, "ids": coded.ids,
            "types": coded.type_ids, "texts": coded.sequence_ids, "starts": starts, "ends": ends,
        }  # fmt: skip


def write_kinds(out: Path, made: dict[str, Any], texts: Sequence[str]) -> None:
    """Write the folder of each kind."""
    for name, content in made.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, separators=(",", ":"))
        (folder / "tokenizer.json").write_text(text + "\n", encoding="ascii")
        tokenizer = Tokenizer.from_str(text)
        own = [*FLAG_TEXTS, *texts] if name.endswith("-flags") else texts
        write_rows(folder / "texts.jsonl", text_rows(tokenizer, own))
        write_rows(folder / "pairs.jsonl", pair_rows(tokenizer, own[:12]))


def squad_texts(path: Path, every: int) -> list[str]:
    """Each `every`-th question and passage."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    questions = [row["question"] for paragraph in paragraphs for row in paragraph["qas"]]
    return [p["context"] for p in paragraphs][::every] + questions[::every]


def lines(path: Path) -> Iterable[str]:
    """The lines of a compressed text that are not empty."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip()]


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the sets that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Golden files of every kind of tokenizer.")
    parser.add_argument("--out", type=Path, default=COMMITTED)
    parser.add_argument(
        "--data", type=Path, help="folder of data: all scalars, random texts, SQuAD"
    )
    parser.add_argument("--again", action="store_true", help="with the committed tokenizers")
    parser.add_argument("--every", type=int, default=8, help="take each n-th text of SQuAD")
    arguments = parser.parse_args(argv)
    if arguments.again:
        files = {path.parent.name: path for path in COMMITTED.glob("*/tokenizer.json")}
        made = {name: json.loads(path.read_text("ascii")) for name, path in files.items()}
        texts = [*JOINED, *FEW]
    elif arguments.data is None:
        prose = (PROSE / "passages.txt").read_text(encoding="utf-8").splitlines()
        made = kinds(train(prose, 420, sentencepiece=False))
        texts = [*JOINED, *FEW]
    else:
        squad = squad_texts(arguments.data / "squad" / "dev-v1.1.json.gz", arguments.every)
        wiki = list(lines(arguments.data / "corpus" / "wikisplit" / "sentences.txt.gz"))[:8000]
        made = kinds(train(wiki, 6000, sentencepiece=True))
        texts = [*JOINED, *hard_texts(), *LINES, *random_texts(3000), *every_scalar(), *squad]
    write_kinds(arguments.out, made, texts)
    print(f"golden files are in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
