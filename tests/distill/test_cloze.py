"""Questions made of plain text stand on their passages, and train a student."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from distill.cloze import clozes, passages
from distill.cloze import main as cloze
from distill.tasks.squad import load_checked

TEXT = (
    "= Lighthouses =",
    "The lighthouse at Ardnamurchan was built in 1849 from pink granite of the Ross of Mull.",
    "Its lamp stands 55 metres above the sea and is seen from eighteen miles away. Keepers and "
    "their families lived beside it until the light was made automatic in 1988.",
)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(TEXT * 6), encoding="utf-8")
    return path


def test_passages_are_whole_sentences_without_headings() -> None:
    made = list(passages(TEXT * 2, 40))
    assert len(made) == 2
    for passage in made:
        assert passage.startswith("The lighthouse") and passage.endswith("1988.")
        assert "=" not in passage


def test_the_answer_is_what_the_question_lacks() -> None:
    passage = " ".join(TEXT[1:])
    made = list(clozes(passage, 200, random.Random(0)))
    assert {"Ardnamurchan", "1849", "55", "1988", "Ross", "Mull"} <= {found[1] for found in made}
    for question, answer, at in made:
        first, *words = question.removesuffix("?").split()
        assert passage[at : at + len(answer)] == answer and 1 <= len(answer.split()) <= 4
        assert first in {"who", "what", "which", "where", "when", "how", "why"}
        assert len(words) <= 13
        assert set(words) <= {*passage.replace(".", "").split(), "many", "much", "year"}
        if answer.isdigit():
            assert answer not in words and first in {"when", "how", "what"}


def test_short_sentences_make_no_question() -> None:
    assert not list(clozes("One here. Two there. Three.", 3, random.Random(0)))


def test_the_command_writes_squads_format_again_and_again_alike(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (tmp_path / name for name in ("a.json", "b.json.gz", "c.json"))
    options = ["--text", str(text), "--passage_words", "40", "--questions", "2"]
    for output in (first, second):
        assert cloze([*options, "--output_file", str(output)]) == 0
    assert f"{first}: 12 questions on 6 passages" in capsys.readouterr().out
    assert json.loads(first.read_text()) == json.loads(gzip.decompress(second.read_bytes()))
    examples, mismatches = load_checked(first)
    assert len({example.id for example in examples}) == 12 and not mismatches
    assert cloze([*options, "--output_file", str(third), "--seed", "7"]) == 0
    assert json.loads(first.read_text()) != json.loads(third.read_text())
    assert cloze([*options, "--output_file", str(third)]) == 2
    assert "c.json exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--passage_words", "3"], "--passage_words must be 8 or more"),
        (["--questions", "0"], "--questions 1 or more"),
        (["--passage_words", "9999"], "too little text for a question"),
        (["--text", "nowhere.txt"], "nowhere.txt: no such file"),
    ],
)
def test_wrong_input_is_one_line(
    options: list[str], error: str, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made.json"
    line = ["--output_file", str(output), *options]
    assert cloze([*([] if "--text" in options else ["--text", str(text)]), *line]) == 2
    assert error in capsys.readouterr().err
    assert not output.exists()
