"""One's own data as it comes from many hands, by the documented commands: what would train on
another thing than was meant is refused, or said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.evaluate import main as evaluate
from distill.finetune import main as finetune
from tests.distill.one_step import classifier

WORDS = ["bread", "mill", "stone", "water", "wheel", "flour", "house", "river"]
TEXTS = [f"the {a} and the {b}" for a in WORDS for b in WORDS if a != b]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def model(small_teacher: Path, tmp_path: Path) -> Path:
    return classifier(tmp_path / "model", small_teacher, 16, 1)


@pytest.fixture
def train(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """One step of a fine-tuning; its status and what it said on stderr."""

    def run(data: Path, *options: object, task: str = "classify") -> tuple[int, str]:
        line = ["--task", task, "--data", data, "--model", model, "--max_steps", "1"]
        line += ["--per_device_train_batch_size", "4", "--save_strategy", "no"]
        line += ["--report_to", "none", "--disable_tqdm", "true", "--max_length", "32"]
        status = finetune([*map(str, [*line, "--out", tmp_path / "run", *options])])
        return status, capsys.readouterr().err

    return run


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def table(path: Path, *labels: str, header: str = "text,label", rows: int = 56) -> Path:
    """Rows with the labels in turns."""
    lines = [f"{text},{labels[n % len(labels)]}" for n, text in enumerate(TEXTS[:rows])]
    return written(path, "\n".join([header, *lines]) + "\n")


def json_rows(path: Path, *labels: object) -> Path:
    rows = ({"text": t, "label": labels[n % len(labels)]} for n, t in enumerate(TEXTS))
    return written(path, "".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("1", "0", "1.0"), "are one number"),
        (("caf\u00e9", "cafe\u0301", "bar"), "look alike"),
        (("good", "good\u200b", "bad"), "look alike"),
        (("very good", "very  good", "bad"), "look alike"),
        (("0.5", "0.25", "nan"), "and 'nan', which is not a number"),
        (("1", "2", "inf"), "and 'inf', which is not a number"),
        (("0.5", "1", "high"), "and 'high', which is not a number"),
        (("\"0,5\"", "\"0,7\"", "1"), "write it with a point"),
    ],
)  # fmt: skip
def test_labels_that_are_one_or_of_two_kinds_are_refused(
    labels: tuple[str, ...], message: str, train: Run, tmp_path: Path
) -> None:
    status, said = train(table(tmp_path / "rows.csv", *labels))
    assert (status, message in said) == (2, True), said


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((1, 0, 1.0), "are one number"),
        ((1, 0, True), "are one number"),
        (("a", "b", float("nan")), "row 3: has no label"),
        (("a", {"b": 1}), "{'b': 1} is not a label"),
        ((["a"], ["b", ["a"]]), "is not a label"),
    ],
)
def test_labels_of_several_json_types_are_refused(
    labels: tuple[object, ...], message: str, train: Run, tmp_path: Path
) -> None:
    status, said = train(json_rows(tmp_path / "rows.jsonl", *labels))
    assert (status, message in said) == (2, True), said


def test_labels_called_like_missing_values_are_names(train: Run, tmp_path: Path) -> None:
    status, said = train(table(tmp_path / "rows.csv", "NA", "None", "null"))
    assert status == 0
    assert "single_label_classification: NA, None, null" in said


def test_labels_of_the_rows_to_score_on_are_matched_in_any_spelling(
    train: Run, tmp_path: Path
) -> None:
    data = table(tmp_path / "rows.csv", "caf\u00e9", "bar")
    other = table(tmp_path / "dev.csv", " CAFE\u0301 ", "BAR\u200b")
    assert train(data, "--eval_data", other)[0] == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": 17, "label": "a"}], "row 9: text is 17, not a text"),
        ([{"Text": "x", "label": "a"}], "row 9: text is empty"),
        ([{"text": float("nan"), "label": "a"}], "row 9: text is empty"),
    ],
)
def test_a_row_unlike_the_others_is_named_with_its_place(
    rows: list[dict[str, object]], message: str, train: Run, tmp_path: Path
) -> None:
    """Also where rows before it were held out."""
    good = [{"text": t, "label": "ab"[n % 2]} for n, t in enumerate(TEXTS)]
    lines = [json.dumps(row) for row in [*good[:8], *rows, *good[8:]]]
    status, said = train(written(tmp_path / "rows.jsonl", "\n".join(lines)), "--eval_share", "0.4")
    assert (status, message in said) == (2, True), said


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_table_ends_its_rows_at_line_ends_alone(end: str, train: Run, tmp_path: Path) -> None:
    """With a byte order mark; other separators of Unicode are text."""
    rows = [f"{text}\u2028\x85\x0cx,{'ab'[n % 2]}" for n, text in enumerate(TEXTS)]
    data = written(tmp_path / "rows.csv", "\ufeff" + end.join(["text,label", *rows]) + end)
    status, said = train(data)
    assert status == 0
    assert "single_label_classification: a, b\n" in said


@pytest.mark.parametrize("rows", ["text;label\n", "text\tlabel\n"])
def test_table_with_another_separator_is_refused(rows: str, train: Run, tmp_path: Path) -> None:
    text = rows + "".join(f"{t}{rows[4]}a\n" for t in TEXTS)
    status, said = train(written(tmp_path / "rows.csv", text))
    assert (status, "name a column with --text" in said) == (2, True)


def test_rows_to_score_on_have_the_columns_of_the_training_rows(train: Run, tmp_path: Path) -> None:
    other = table(tmp_path / "dev.csv", "a", "b", header="sentence,label")
    status, said = train(table(tmp_path / "rows.csv", "a", "b"), "--eval_data", other)
    assert (status, "dev.csv: has no column 'text' (it has sentence, label)" in said) == (2, True)


def test_rows_on_several_sides_are_said(train: Run, tmp_path: Path) -> None:
    data = table(tmp_path / "rows.csv", "a", "b")
    upper = written(
        tmp_path / "dev.csv", data.read_text().upper().replace("TEXT,LABEL", "text,label")
    )
    said = train(data, "--eval_data", upper)[1]
    assert "56 of the rows to score on are among the training rows too" in said
    apart = written(tmp_path / "o.csv", "text,label\n" + "".join(f"x {t},a\n" for t in TEXTS[:20]))
    options = ["--eval_data", apart, "--eval_strategy", "steps", "--eval_steps", "1"]
    said = train(data, *options, "--validation_data", data, "--out", tmp_path / "two")[1]
    assert "56 of these rows are among the training rows too" in said
    said = train(data, *options, "--validation_data", apart, "--out", tmp_path / "three")[1]
    assert "20 of these rows are among the rows to score on too" in said


def test_one_text_with_two_labels_is_said(train: Run, tmp_path: Path) -> None:
    lines = [f"{text},{label}\n" for text in TEXTS for label in ("a", "b")]
    other = table(tmp_path / "dev.csv", "a", "b", rows=8)
    data = written(tmp_path / "rows.csv", "text,label\n" + "".join(lines))
    said = train(data, "--eval_data", other)[1]
    assert "56 training rows have the text of another one, and other labels" in said


def test_cut_texts_are_counted(train: Run, model: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    rows = [
        f"{text}{' and a mill' * 30 * (n < 14)},{'ab'[n % 2]}\n" for n, text in enumerate(TEXTS)
    ]
    data = written(tmp_path / "rows.csv", "text,label\n" + "".join(rows))
    other = table(tmp_path / "dev.csv", "a", "b", rows=8)
    words = "14 of 56 inputs are longer than --max_length 32, and are cut"
    assert words in train(data, "--eval_data", other)[1]
    line = ["--task", "classify", "--model", str(tmp_path / "run"), "--data", str(data)]
    assert evaluate([*line, "--max_length", "32"]) == 0
    assert words in capsys.readouterr().err


@pytest.mark.slow
def test_pairs_of_long_texts_take_little_memory(train: Run, tmp_path: Path) -> None:
    """`tokenizers` keeps every part of one text with every part of the other: of these, 30 GB."""
    rows = [f"{text} {'a mill ' * 8000},{'a stone ' * 8000},{'ab'[n % 2]}\n"
            for n, text in enumerate(TEXTS[:20])]  # fmt: skip
    data = written(tmp_path / "rows.csv", "text1,text2,label\n" + "".join(rows))
    said = train(data, "--eval_data", data)[1]
    assert "20 of 20 inputs are longer than --max_length 32, and are cut" in said


def test_columns_in_another_order_than_in_training_are_said(
    train: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{text},{text[::-1]},{'ab'[n % 2]}\n" for n, text in enumerate(TEXTS))
    data = written(tmp_path / "rows.csv", "premise,hypothesis,label\n" + rows)
    assert train(data)[0] == 0
    line = ["--task", "classify", "--model", str(tmp_path / "run"), "--max_length", "32"]
    told = "was fine-tuned on text from premise and hypothesis, in this order"
    assert evaluate([*line, "--data", str(data)]) == 0
    said = capsys.readouterr().err
    assert "text from premise and hypothesis, label from label" in said
    assert told not in said
    assert evaluate([*line, "--data", str(data), "--text", "hypothesis", "premise"]) == 0
    assert told in capsys.readouterr().err
    assert evaluate([*line, "--data", str(table(tmp_path / "one.csv", "a", "b"))]) == 0
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("labels", "message"),
    [(("0", "-1"), "the label -1 is below 0"), (("1", "2"), "no passage has the label 0")],
)
def test_relevance_begins_with_0(
    labels: tuple[str, ...], message: str, train: Run, tmp_path: Path
) -> None:
    """nDCG was 302%, and a passage of the least grade counted as relevant."""
    rows = "".join(f"{t[:9]},{t},{labels[n % 2]}\n" for n, t in enumerate(TEXTS))
    data = written(tmp_path / "rows.csv", "query,passage,label\n" + rows)
    status, said = train(data, task="rank")
    assert (status, message in said) == (2, True), said
    line = ["--task", "rank", "--model", str(tmp_path / "model"), "--data", str(data)]
    assert evaluate([*line, "--max_length", "32"]) == 2


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_columns_of_words_and_tags_end_at_any_line_end(
    end: str, train: Run, tmp_path: Path
) -> None:
    sentences = [[f"{word} O" for word in text.split()] for text in TEXTS]
    for sentence in sentences:
        sentence[1] = sentence[1].replace(" O", " B-THING")
    data = (end * 2).join(end.join(sentence) for sentence in sentences)
    status, said = train(written(tmp_path / "rows.conll", data), task="tokens")
    assert (status, "labels: O, B-THING, I-THING" in said) == (0, True), said


def test_columns_that_count_the_words_are_refused(train: Run, tmp_path: Path) -> None:
    lines = [
        f"1 the O\n2 {word} B-THING\n{'3 stands O' * (n % 2)}\n" for n, word in enumerate(TEXTS)
    ]
    data = written(tmp_path / "rows.conll", "\n".join(lines))
    status, said = train(data, "--eval_data", data, task="tokens")
    assert (status, "the first column counts the words" in said) == (2, True), said
