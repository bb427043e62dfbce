"""Ask an exported question-answering package about a passage, on this desk.

Example:

    python -m export.predict qa-mini-qa-int8 --passage passage.txt --question "Who was there?"

Without --question it asks for one after the other.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distill.console.errors import UserError, command


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m export.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("package", type=Path, help="bundle directory, or the .mlpackage inside it")
    add("--passage", type=Path, required=True, help="text file with the passage")
    add("--question", help="default: ask on the terminal until an empty line")
    add("--n-best", type=int, default=1, help="answers to show; default %(default)s")
    add("--precision", choices=("float16", "float32"), default="float16", help="of the simulator")
    add("--json", action="store_true", help="one JSON object per question")
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    passage = _read(arguments.passage)
    if arguments.n_best < 1:
        raise UserError(f"--n-best must be at least 1, not {arguments.n_best}")
    from export.proof.question_answering import Answerer

    answerer = Answerer(arguments.package, arguments.precision)
    for question in _questions(arguments.question):
        found = answerer.answer(question, passage, arguments.n_best)
        print(json.dumps(found, ensure_ascii=False) if arguments.json else _text(found))
    return 0


def _questions(question: str | None) -> Iterator[str]:
    if question is not None:
        yield question
        return
    prompt = "question> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def _read(path: Path) -> str:
    try:
        passage = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from None
    if not passage.strip():
        raise UserError(f"{path}: the passage is empty")
    return passage


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{answer['text']}  (probability {answer['probability']:.2f}, score {answer['score']:.2f}, "
        f"characters {answer['start']}:{answer['end']})"
        for answer in found["answers"]
    ]
    lines.append(
        f"{found['neural_ms']:.0f} ms in {found['windows']} window(s), "
        f"tokenization {found['tokenization_ms']:.1f} ms apart"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
