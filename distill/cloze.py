"""Make question-answering data of plain text.

A sentence without one of its phrases, behind a question word, is the question, and the phrase is
the answer (Lewis et al., arXiv 1906.04980).

Example:

    python -m distill.cloze --text corpus/*.txt.gz --out runs/cloze.json.gz
    python -m distill.finetune --task squad --extra_files runs/cloze.json.gz --teacher ...

The questions read badly. They are for a student, whose teacher answers them: text of more kinds
than the labelled questions have.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tqdm import tqdm

from distill.console.atomic import atomic_file
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.console.tables import say
from distill.corpus.text_sources import read_texts

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
WORD = re.compile(r"\w+(?:[-'’.,]\w+)*")
SHORTEST_SENTENCE, LONGEST_PHRASE = 8, 4  # words
CONTENT = 4  # letters of a word that means something
QUESTION_WORDS = 5, 12  # besides the one that asks
ASKS = {
    "name": ("who", "what", "which", "where"),
    "number": ("when", "how many", "how much", "what year"),
    "other": ("what", "why", "how", "which"),
}
SHARE_OF_NAMES, DROPPED = 0.7, 0.1


@dataclass
class ClozeArguments:
    """Which text, how many questions, and where they go."""

    text: list[str] = field(metadata={"help": "text, in the forms that distill.pretrain takes"})
    out: str = field(
        metadata={
            "help": "new file, in SQuAD's format; .json or .gz",
            "aliases": ["--output_file"],
        }
    )
    passage_words: int = field(default=120, metadata={"help": "least number of words of a passage"})
    questions: int = field(default=3, metadata={"help": "questions on a passage"})
    seed: int = field(default=42, metadata={"help": "seed of the choice of phrases"})

    def __post_init__(self) -> None:
        if self.passage_words < SHORTEST_SENTENCE or self.questions < 1:
            raise UserError(
                f"--passage_words must be {SHORTEST_SENTENCE} or more, --questions 1 or more"
            )


def passages(texts: Iterable[str], words: int) -> Iterator[str]:
    """Whole sentences of texts in a row, joined until they have ``words`` words; headings and
    other lines of a few words are left out, and so is what remains at the end."""
    sentences: list[str] = []
    length = 0
    for text in texts:
        if len(text.split()) < SHORTEST_SENTENCE:
            continue
        for sentence in SENTENCE_END.split(text):
            sentences.append(sentence)
            length += len(sentence.split())
            if length >= words:
                yield " ".join(sentences)
                sentences, length = [], 0


def clozes(passage: str, questions: int, draw: random.Random) -> Iterator[tuple[str, str, int]]:
    """(question, answer, its first character) for ``questions`` sentences of a passage, of
    different ones as far as it has them; none of a passage of short sentences."""
    starts = [0, *(match.end() for match in SENTENCE_END.finditer(passage))]
    spans = zip(starts, [*starts[1:], len(passage)], strict=True)
    sentences = [list(WORD.finditer(passage, *span)) for span in spans]
    usable = [words for words in sentences if len(words) >= SHORTEST_SENTENCE]
    draw.shuffle(usable)
    for number in range(questions if usable else 0):
        words = usable[number % len(usable)]
        first, last = _phrase([word.group() for word in words], draw)
        answer = passage[words[first].start() : words[last].end()]
        rest = [word.group() for word in (*words[:first], *words[last + 1 :])]
        yield _question(rest, first, answer, draw), answer, words[first].start()


def _kind(word: str) -> str:
    name = word[0].isupper() and len(word) > 1
    return "number" if word[0].isdigit() else "name" if name else "other"


def _phrase(words: Sequence[str], draw: random.Random) -> tuple[int, int]:
    """First and last word of what is asked for: mostly a name or a number, if there is one behind
    the sentence's first word."""
    kinds = [_kind(word) for word in words]
    named = [i for i in range(1, len(words)) if kinds[i] != "other" and kinds[i - 1] != kinds[i]]
    if named and draw.random() < SHARE_OF_NAMES:
        first = last = draw.choice(named)
        while last + 1 < len(words) and kinds[last + 1] == kinds[first]:
            last += 1
    else:
        long = [i for i, word in enumerate(words) if len(word) >= CONTENT]
        first = draw.choice(long or range(len(words)))
        last = first + draw.randrange(LONGEST_PHRASE)
    return first, min(last, first + LONGEST_PHRASE - 1, len(words) - 1)


def _question(rest: Sequence[str], gap: int, answer: str, draw: random.Random) -> str:
    """A question word and some of the words on both sides of the gap, a few of them dropped."""
    length = draw.randint(*QUESTION_WORDS)
    start = min(max(gap - draw.randint(0, length), 0), max(len(rest) - length, 0))
    kept = [word for word in rest[start : start + length] if draw.random() >= DROPPED]
    return " ".join([draw.choice(ASKS[_kind(answer)]), *kept]) + "?"


@dataclass(frozen=True)
class Cloze:
    """A question that lacks a phrase of its passage; the phrase, and its first character there."""

    number: int
    question: str
    answer: str
    start: int

    def as_json(self) -> dict[str, object]:
        return {
            "id": f"cloze-{self.number}",
            "question": self.question,
            "answers": [{"text": self.answer, "answer_start": self.start}],
        }


@dataclass(frozen=True)
class AskedPassage:
    """A passage with the questions on it."""

    passage: str
    questions: Sequence[Cloze]

    def as_json(self) -> dict[str, object]:
        return {"context": self.passage, "qas": [each.as_json() for each in self.questions]}


@dataclass(frozen=True)
class ClozeData:
    """What `make` made."""

    passages: Sequence[AskedPassage]

    def as_json(self) -> dict[str, object]:
        """In SQuAD's format, version 1.1."""
        paragraphs = [each.as_json() for each in self.passages]
        return {"version": "1.1", "data": [{"title": "cloze", "paragraphs": paragraphs}]}


def make(arguments: ClozeArguments) -> ClozeData:
    """Passages of the text with the questions on them.

    Raises:
        UserError: as `distill.corpus.text_sources.read_texts`, or there is too little
            text for a question.
    """
    draw, number = random.Random(arguments.seed), count()
    asked = []
    texts = tqdm(read_texts(arguments.text), desc="reading", unit=" texts")
    for passage in passages(texts, arguments.passage_words):
        drawn = clozes(passage, arguments.questions, draw)
        questions = [Cloze(next(number), *each) for each in drawn]
        if questions:
            asked.append(AskedPassage(passage, questions))
    if not asked:
        raise UserError(f"{', '.join(arguments.text)}: too little text for a question")
    return ClozeData(asked)


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, ClozeArguments, __doc__)
    (arguments,) = parse(words, ClozeArguments)
    output = Path(arguments.out)
    if output.exists():
        raise UserError(f"{output} exists already; name another --out")
    data = make(arguments)
    content = json.dumps(data.as_json(), ensure_ascii=False).encode()
    with atomic_file(output, replace=False) as staged:
        staged.write_bytes(gzip.compress(content, mtime=0) if output.suffix == ".gz" else content)
    questions = sum(len(passage.questions) for passage in data.passages)
    say(f"{output}: {questions:,} questions on {len(data.passages):,} passages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
