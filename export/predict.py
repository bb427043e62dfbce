"""Ask an exported package about a text.

It answers on this desk, in the words of its task.

Example:

    python -m export.predict qa-mini-qa-int8 --passage passage.txt --question "Who was there?"
    python -m export.predict minilm-embed-int8 --text "A ferry." --passage sentences.txt
    python -m export.predict nli-classify-none --text "The bank said nothing." --zero-shot money,sea

Without --text or --question it asks for one after the other.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from distill.console.bounded_files import read_bounded
from distill.console.command_parser import add_json_options, command_parser, save_text
from distill.console.errors import UserError, command
from distill.console.tables import visible
from export.proof.engines import ENGINES


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("export.predict", __doc__)
    add = result.add_argument
    add("package", type=Path, help="bundle directory, or the .mlpackage inside it")
    add(
        "--text",
        "--question",
        dest="text",
        metavar="TEXT|FILE|-",
        help="the text, a file with it, or - for standard input; for qa the question, for rank "
        "the query; default: ask on the terminal until an empty line",
    )
    add(
        "--passage",
        metavar="TEXT|FILE|-",
        help="the second text: for qa the passage, for rank and embed one candidate a line",
    )
    add(
        "--n-best",
        type=int,
        default=1,
        help="qa, embed: answers to show, default %(default)s; mlm: words for a mask, default 5; "
        "other tasks show all",
    )
    add(
        "--zero-shot",
        metavar="LABEL,LABEL",
        help="labels in words, for a classifier that was trained on entailment (NLI)",
    )
    add(
        "--engine",
        choices=ENGINES,
        help="coreml: on a Mac; coreai: Apple's runtime; default: what runs the bundle here",
    )
    add(
        "--precision",
        choices=("float16", "float32"),
        help="of the simulator; default: float16, as a phone computes",
    )
    add_json_options(result, "the answers, one object a line,")
    return result


@command
def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if arguments.n_best < 1:
        raise UserError(f"--n-best must be at least 1, not {arguments.n_best}")
    if arguments.text == arguments.passage == "-":
        raise UserError("only one of --text and --passage can be -")
    from export.simulator.memory_limit import limit_memory

    limit_memory()
    labels = tuple(part.strip() for part in (arguments.zero_shot or "").split(",") if part.strip())
    if arguments.zero_shot is not None and not labels:
        raise UserError("--zero-shot needs labels (expected LABEL,LABEL)")
    passage = None if arguments.passage is None else read_text(arguments.passage, "--passage")
    text = None if arguments.text is None else read_text(arguments.text, "--text")
    from export.proof.predictor import Predictor

    predictor = Predictor(arguments.package, arguments.precision, arguments.engine)
    lines = []
    for each in _texts(text):
        found = predictor.predict(each, passage, n_best=arguments.n_best, zero_shot=labels)
        lines.append(visible(json.dumps(found.as_json(), ensure_ascii=False)))
        _say_cut(found.cut_texts, max(predictor.bundle.lengths))
        if arguments.json:
            print(lines[-1])
            continue
        print(visible("\n".join(found.answer.words())))
        print(f"{found.neural_ms:.0f} ms in the package, {found.other_ms:.1f} ms besides")
    if arguments.save_json:
        save_text(arguments.save_json, "".join(f"{line}\n" for line in lines))
    return 0


def _say_cut(count: int, longest: int) -> None:
    if count:
        texts = "text was" if count == 1 else "texts were"
        print(f"{count} {texts} cut: the longest input is {longest} tokens", file=sys.stderr)


def _texts(text: str | None) -> Iterator[str]:
    if text is not None:
        yield text
        return
    prompt = "text> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def read_text(source: str, option: str) -> str:
    """The text itself, the content of the file or pipe that it names, or standard input for ``-``.

    Raises:
        UserError: a file that is not UTF-8, or a text that is empty.
    """
    try:
        if source == "-":
            text = sys.stdin.read()
        elif _names(source, Path.is_fifo):  # <(a command) of a shell
            text = Path(source).read_text(encoding="utf-8")
        elif _names(source, Path.is_file):
            text = read_bounded(Path(source)).decode("utf-8")
        else:
            text = source
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise UserError(f"{option} {source}: the text is empty")
    return text.strip() if option == "--text" else text


def _names(source: str, kind: Callable[[Path], bool]) -> bool:
    """Whether a text names what is there; a passage is too long for a name, or has line breaks."""
    try:
        return kind(Path(source))
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(main())
