"""Every model type trains on every task for one step, and makes the students that the table of
`export.support` says: small models with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.families.table import FAMILIES
from distill.finetune import main as finetune
from distill.init_student import main as init_student
from distill.pretrain import main as pretrain
from distill.prune import main as prune
from distill.trim_vocabulary import main as trim
from export.support import YES, student_rows
from tests.export.tiny_models import SIZES, save_checkpoint

TEXTS = ["a cat sat on the mat", "the bank said nothing", "a ferry came", "nobody knew why"] * 4
STEP = (
    *("--max_steps", "1", "--per_device_train_batch_size", "4", "--save_strategy", "no"),
    *("--report_to", "none", "--disable_tqdm", "true", "--use_cpu", "true"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The options of each task that name its data."""
    folder = tmp_path_factory.mktemp("data")
    named = [text.split()[1] for text in TEXTS]
    tables = {
        "classify.csv": ["text,label", *(f"{text},{i % 2}" for i, text in enumerate(TEXTS))],
        "pairs.csv": [
            "sentence1,sentence2,score",
            *(f"{text},so {text},{i % 5}" for i, text in enumerate(TEXTS)),
        ],
        "rank.csv": [
            "query,passage,label",
            *(f"who {i // 2},{text},{i % 2}" for i, text in enumerate(TEXTS)),
        ],
        "tokens.conll": [
            "\n".join(f"{word} {'B-X' if word == name else 'O'}" for word in text.split()) + "\n"
            for text, name in zip(TEXTS, named, strict=True)
        ],
        "text.txt": [f"{text} and {text}" for text in TEXTS],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    questions = [
        {"id": str(i), "question": "who?", "answers": [{"text": n, "answer_start": t.index(n)}]}
        for i, (t, n) in enumerate(zip(TEXTS, named, strict=True))
    ]
    articles = [
        {"title": str(i), "paragraphs": [{"context": text, "qas": [question]}]}
        for i, (text, question) in enumerate(zip(TEXTS, questions, strict=True))
    ]
    (folder / "squad.json").write_text(json.dumps({"data": articles}))

    def own(name: str) -> list[str]:
        path = str(folder / name)
        return ["--data", path, "--eval_data", path]

    return {
        "squad": ["--train_file", str(folder / "squad.json"), "--doc_stride", "16"],
        "classify": own("classify.csv"),
        "tokens": own("tokens.conll"),
        "rank": own("rank.csv"),
        "embed": own("pairs.csv"),
        "text": ["--text", str(folder / "text.txt")],
    }


def said(name: str, column: str) -> bool:
    """What the table says of a model type."""
    heading, *rows = student_rows()
    (row,) = (row for row in rows if name in row[0].split(", "))
    return row[heading.index(column)] == YES


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_model_type_trains_on_every_task(
    name: str, data: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, masked = tmp_path / "base", tmp_path / "masked"
    save_checkpoint(name, "features", base)
    save_checkpoint(name, "mlm", masked)
    for task in ("squad", "classify", "tokens", "rank", "embed"):
        line = ["--task", task, *data[task], "--max_length", "64", "--model", str(base)]
        status = finetune([*line, "--out", str(tmp_path / task), *STEP])
        assert status == 0, f"{task}: {capsys.readouterr().err[-500:]}"
    line = ["--student", str(masked), *data["text"], "--sequence_length", "64"]
    status = pretrain([*line, "--out", str(tmp_path / "run"), *STEP])
    assert (status == 0) == said(name, "triple loss"), capsys.readouterr().err[-500:]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_model_type_gives_the_students_of_the_table(
    name: str, data: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, even = tmp_path / "model", {"embedding_size": SIZES["width"]}
    save_checkpoint(name, "features", model, ["zebra"], **({} if name == "mobilebert" else even))
    line = ["--teacher", str(model), "--layers", "1", "--out", str(tmp_path / "layers")]
    status = init_student(line)
    assert (status == 0) == said(name, "of its layers"), capsys.readouterr().err[-500:]
    text = ["--model", str(model), *data["text"]]
    status = prune([*text, "--units", "8", "--out", str(tmp_path / "units")])
    assert (status == 0) == said(name, "fewer units"), capsys.readouterr().err[-500:]
    status = trim([*text, "--keep", "50", "--out", str(tmp_path / "entries")])
    assert (status == 0) == said(name, "fewer entries"), capsys.readouterr().err[-500:]
