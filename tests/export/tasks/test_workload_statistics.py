"""What intervals are computed from gives the figures that the libraries give: scikit-learn, seqeval
and scipy have them in `measure`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from distill.tasks.statistics import intervals
from export.tasks.table import TASKS
from export.tasks.task import Outputs, Reading, Workload

WORDS = "anna lives in new york bob sings well the ferry is late no yes"
LABELS = ["O", "B-PER", "B-LOC", "I-LOC"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    result = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    result.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    result.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return result


def workload(task: str, content: str, tokenizer: Tokenizer, path: Path, **own: Any) -> Workload:
    settings = {
        "lengths": [24],
        "special_ids": {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4},
        "doc_stride": 4,
        "max_question_length": 8,
        "max_answer_length": 5,
        **own,
    }
    path.write_text(content)
    return TASKS[task].workload(TASKS[task].read(path), Reading(tokenizer, settings))


def texts() -> list[str]:
    words = WORDS.split()
    return [" ".join(words[n % 9 : n % 9 + 4]) for n in range(30)]


def squad() -> str:
    questions = [
        {
            "id": str(n),
            "question": "bob sings",
            "answers": [{"text": text.split()[1], "answer_start": text.index(text.split()[1])}],
        }
        for n, text in enumerate(texts())
    ]
    paragraphs = [{"context": t, "qas": [q]} for t, q in zip(texts(), questions, strict=True)]
    articles = [{"title": str(n), "paragraphs": paragraphs[n::6]} for n in range(6)]
    return json.dumps({"data": articles})


def rows(columns: str, write: Any) -> str:
    return "\n".join([columns, *(write(n, text) for n, text in enumerate(texts()))]) + "\n"


CASES = {
    "qa": ("s.json", squad, {}),
    "embed": ("p.tsv", lambda: rows("sentence1\tsentence2\tscore",
                                    lambda n, t: f"{t}\tbob {t}\t{n % 6}"), {}),
    "classify": ("c.csv", lambda: rows("text,label", lambda n, t: f"{t},{n % 3}"),
                 {"labels": ["a", "b", "c"], "activation": "softmax"}),
    "classify regression": ("c.csv", lambda: rows("text,label", lambda n, t: f"{t},{n % 7 / 2}"),
                            {"labels": ["LABEL_0"], "activation": "identity"}),
    "rank": ("r.csv", lambda: rows("query,passage,label",
                                   lambda n, t: f"q{n // 5},{t},{n % 2}"), {}),
    "tokens": ("t.conll", lambda: "\n\n".join(
        "\n".join(f"{w} {LABELS[(n + i) % 3]}" for i, w in enumerate(t.split()))
        for n, t in enumerate(texts())), {"labels": LABELS}),
    "mlm": ("m.txt", lambda: "\n".join(texts()), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_statistics_give_the_measures(case: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    name, content, settings = CASES[case]
    task = case.split()[0]
    found = workload(task, content(), tokenizer, tmp_path / name, **settings)
    chance = np.random.default_rng(0)
    width = {"mlm": tokenizer.get_vocab_size(), "rank": 1}.get(
        task, len(settings.get("labels", ()))
    )

    def outputs() -> Outputs:
        per_token = (1, 24, width) if TASKS[task].per_token else (1, width)
        shapes = {"embedding": (1, 6), "start_logits": (1, 24), "end_logits": (1, 24)}
        return {
            output: chance.normal(size=shapes.get(output, per_token)).astype(np.float32)
            for output in TASKS[task].outputs
        }

    given = [outputs() for _ in found.inputs]
    assert found.statistics is not None
    statistics = found.statistics(given)
    whole = statistics.metrics(np.asarray(statistics.rows.sum(0)).reshape(1, -1))
    expected = found.measure(given)
    assert expected and expected.keys() <= whole.keys()
    reach = intervals({"data": statistics})
    for metric, value in expected.items():
        assert float(whole[metric][0]) == pytest.approx(value), metric
        low, high = reach[metric]
        assert low <= high
