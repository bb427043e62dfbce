"""Golden rows of the tasks: what Python's `predict` says of outputs that are made up.

A row is `{"settings", "request", "inputs", "outputs", "answer"}`: what the content of model.json
has beside that of `SETTINGS` (tasks-settings.json), what is asked, the inputs that Python's
`predict` gave to the package, the outputs that it got for them (random numbers with ties, no
model), and its answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hard_texts import hard_texts
from tokenizers import Tokenizer

from export.tasks.model_inputs import Inputs
from export.tasks.table import TASKS
from export.tasks.task import Outputs, Question, Reading

SETTINGS: dict[str, Any] = {
    "format_version": 2,
    "name": "tiny",
    "package": "tiny.mlpackage",
    "formats": {},
    "lengths": [12, 24],
    "shapes": "functions",
    "functions": {"12": "length_12", "24": "length_24"},
    "inputs": ["input_ids", "attention_mask", "token_type_ids"],
    "special_ids": {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4},
    "pair_separators": 1,
    "tokenizer": "wordpiece",
    "tokenizer_sha256": "",
    "lower_case": True,
    "max_question_length": 8,
    "doc_stride": 6,
    "max_answer_length": 5,
    "no_answer_threshold": None,
    "labels": [],
    "problem_type": None,
    "activation": None,
    "pooling": None,
    "normalize": False,
    "similarity": None,
    "hidden_size": 8,
    "quantization": "none",
    "layout": "standard",
    "target": "iOS18",
    "random_weights": True,
    "source": "tiny",
    "checks": [],
}
TOPICS = ["sport", "money", "the sea", "food"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "ORG"]
NLI = ["contradiction", "neutral", "entailment"]
WIDTHS = {"embed": 8, "rank": 1}
"""Numbers of an output where there are no labels."""

ENGLISH = "The quick brown fox doesn't jump over the lazy dog's back; it naps (mostly)."
SHORT, PERIOD = "Café, naïve, façade", "In spring the oars went back to the boats."
LINES = f"{SHORT}\n\n  {PERIOD} \r\nThe mayor declined.\u2028 \u2029{ENGLISH}\n"


def cases() -> Iterator[tuple[dict[str, Any], Question]]:
    """What each row's settings have beside `SETTINGS`, and what is asked."""
    for activation in ("softmax", "sigmoid", "identity", None):
        labels = TOPICS[:1] if activation == "identity" else TOPICS
        classify = {"task": "classify", "labels": labels, "activation": activation}
        yield classify, Question(SHORT)
        yield classify, Question(ENGLISH)
        yield classify, Question(SHORT, ENGLISH)
        yield classify, Question(ENGLISH, PERIOD)
        yield classify, Question(ENGLISH, SHORT)
    nli = {"task": "classify", "labels": NLI, "activation": "softmax"}
    yield nli, Question(PERIOD, zero_shot=("travel", "cooking", "the law", "İ"))
    yield {"task": "classify", "activation": "softmax"}, Question(PERIOD)
    tokens = {"task": "tokens", "labels": TAGS}
    for text in [*(text for text in hard_texts() if len(text) < 110), PERIOD, SHORT]:
        if text.strip():
            yield tokens, Question(text)
    for similarity in ("cosine", "dot", None):
        embed = {"task": "embed", "similarity": similarity}
        yield embed, Question(ENGLISH)
        yield embed, Question(ENGLISH, LINES, n_best=3)
    for activation in ("identity", "sigmoid", None):
        yield {"task": "rank", "activation": activation}, Question(PERIOD, LINES)
    for threshold in (None, -2.0, 0.0, 2.0):
        asked = {"task": "qa", "no_answer_threshold": threshold}
        yield asked, Question("What went back?", PERIOD, n_best=3)
        yield asked, Question("What does the fox do?", f"{ENGLISH} {PERIOD}", n_best=30)
        yield asked, Question("Is there anything?", " \u200b")


def task_rows(tokenizer: Tokenizer, seed: int = 0) -> Iterator[dict[str, Any]]:
    """One golden row a case."""
    source = np.random.default_rng(seed)
    for extra, question in cases():
        extra |= {"outputs": list(TASKS[extra["task"]].outputs)}
        settings = SETTINGS | extra
        reading = Reading(tokenizer, settings)
        inputs: list[Inputs] = []
        outputs: list[Outputs] = []

        def run(
            given: Inputs,
            settings: dict[str, Any] = settings,
            inputs: list[Inputs] = inputs,
            outputs: list[Outputs] = outputs,
        ) -> Outputs:
            inputs.append(given)
            outputs.append(random_outputs(settings, given["input_ids"].shape[1], source))
            return outputs[-1]

        answer = TASKS[extra["task"]].predict(question, reading, run)
        yield {
            "settings": extra,
            "request": {
                "text": question.text,
                "passage": question.passage,
                "n_best": question.n_best,
                "zero_shot": list(question.zero_shot),
            },
            "inputs": [{name: array[0].tolist() for name, array in g.items()} for g in inputs],
            "outputs": [
                {n: {"shape": list(a.shape), "scalars": a.ravel().tolist()} for n, a in g.items()}
                for g in outputs
            ],
            "answer": answer.as_json(),
        }


def random_outputs(settings: dict[str, Any], length: int, source: np.random.Generator) -> Outputs:
    """Numbers of a quarter's precision, so that some are equal, in the shapes of the task."""
    task = TASKS[settings["task"]]
    width = len(settings["labels"]) or WIDTHS.get(task.name, len(TOPICS))
    shape = (length, width) if task.labelled and task.per_token else (width,)
    if task.name == "qa":
        shape = (length,)
    return {
        name: np.float32(np.round(source.normal(0, 3, (1, *shape)) * 4) / 4)
        for name in task.outputs
    }
