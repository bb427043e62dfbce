"""A step of several batches, the last of them short, is the step of one batch with all rows: every
task by the documented command, from labels alone and with a teacher."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from distill.finetune import main

WORDS = ("bread", "mill", "stone", "water", "wheel", "flour", "house", "river", "bridge")
LAYERS = ["--hidden_weight", "1", "--relation_weight", "1"]


def texts() -> list[str]:
    """Of very different lengths."""
    return [" ".join([*WORDS, *WORDS][: 2 + n]) for n in range(9)]


def written(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def classes(folder: Path) -> list[str]:
    rows = [f"{text},{'ab'[n % 4 == 0]}" for n, text in enumerate(texts())]
    data = written(folder / "rows.csv", "text,label", *rows)
    return ["--task", "classify", "--data", data, "--eval_data", data]


def weighed_classes(folder: Path) -> list[str]:
    return [*classes(folder), "--class_weights", "true"]


def several_labels(folder: Path) -> list[str]:
    rows = [f"{text},{('a', 'a|b', 'c', 'b|c')[n % 4]}" for n, text in enumerate(texts())]
    data = written(folder / "rows.csv", "text,label", *rows)
    return ["--task", "classify", "--data", data, "--eval_data", data, "--class_weights", "true"]


def scores(folder: Path) -> list[str]:
    data = written(
        folder / "rows.csv", "text,score", *(f"{t},{n / 3:.2f}" for n, t in enumerate(texts()))
    )
    return ["--task", "classify", "--data", data, "--eval_data", data]


def entities(folder: Path) -> list[str]:
    tags = ("O", "B-X", "I-X", "O")
    lines = [
        line
        for text in texts()
        for line in (*(f"{w} {tags[n % 4]}" for n, w in enumerate(text.split())), "")
    ]
    data = written(folder / "rows.conll", *lines)
    return ["--task", "tokens", "--data", data, "--eval_data", data]


def pairs(task: str) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        rows = [f"{WORDS[n % 3]} mill,{text},{n % 3}" for n, text in enumerate(texts())]
        data = written(folder / "rows.csv", "sentence1,sentence2,score", *rows)
        return ["--task", task, "--data", data, "--eval_data", data]

    return write


def windows(folder: Path) -> list[str]:
    """Passages of one window and of several."""
    articles = []
    for number in range(12):
        context = " ".join(WORDS * (1 + number % 5))
        question = {"id": str(number), "question": "Where is the mill?"}
        question |= {"answers": [{"text": "stone", "answer_start": context.index("stone")}]}
        articles.append(
            {"title": str(number), "paragraphs": [{"context": context, "qas": [question]}]}
        )
    data = written(folder / "rows.json", json.dumps({"data": articles}))
    return ["--task", "squad", "--train_file", data, "--held_out", "0.3", "--doc_stride", "8"]


def inputs(folder: Path) -> int:
    return int(json.loads((folder / "metrics.json").read_text())["inputs"])


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (classes, LAYERS),
        (weighed_classes, ["--alpha", "0.3"]),
        (several_labels, []),
        (scores, []),
        (entities, ["--hidden_weight", "1"]),
        (pairs("rank"), []),
        (pairs("embed"), None),
        (windows, [*LAYERS, "--attention_weight", "1"]),
    ],
)
@pytest.mark.slow
def test_accumulated_step_is_the_whole_step(
    write: Callable[[Path], list[str]],
    options: list[str] | None,
    small_teacher: Path,
    tmp_path: Path,
) -> None:
    """An embedder's teacher compares the texts of a batch: it is left out."""
    common = [*write(tmp_path), "--model", str(small_teacher), "--max_length", "40"]
    common += ["--max_steps", "1", "--optim", "sgd", "--learning_rate", "1", "--warmup_steps", "0"]
    common += ["--max_grad_norm", "1e9", "--dropout", "0", "--save_strategy", "no"]
    common += ["--report_to", "none", "--disable_tqdm", "true", "--allow_weak_teacher"]
    common += ["--logits_cache", str(tmp_path / "logits")]

    def step(name: str, size: int, batches: int, *more: str) -> dict[str, torch.Tensor]:
        line = ["--per_device_train_batch_size", str(size), "--out", str(tmp_path / name)]
        line += ["--gradient_accumulation_steps", str(batches)]
        assert main([*common, *line, *more]) == 0
        return load_file(tmp_path / name / "model.safetensors")

    one = step("one", 4, 1)  # of the first rows alone; a teacher, too
    rows = inputs(tmp_path / "one")
    size = 4 if rows % 4 else 3
    taught = [] if options is None else ["--teacher", str(tmp_path / "one"), *options]
    for more in ([], taught) if taught else ([],):
        name = "taught" if more else "labels"
        whole = step(f"{name}-whole", rows, 1, *more)
        parts = step(f"{name}-parts", size, -(-rows // size), *more)
        assert any(not torch.allclose(whole[key], one[key], atol=1e-3) for key in whole)
        for key, weight in whole.items():
            torch.testing.assert_close(parts[key], weight, atol=1e-5, rtol=1e-4)
