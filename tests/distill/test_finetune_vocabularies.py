"""Teachers with another vocabulary: what is learnt is what `transformers` says they answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    BertConfig,
    MPNetConfig,
    PreTrainedTokenizerFast,
)

from distill.finetune import main as finetune
from tests.distill.one_step import ROWS, SIZES, loss, run


@pytest.fixture
def shifted(small_teacher: Path, tmp_path: Path) -> Path:
    """The folder of a tokenizer as MPNet's: the same pieces with other numbers, <s> and </s>."""
    stored = json.loads((small_teacher / "tokenizer.json").read_text())
    names = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"}
    pieces = sorted(stored["model"]["vocab"], key=stored["model"]["vocab"].get)
    inner = Tokenizer.from_file(str(small_teacher / "tokenizer.json"))
    inner.model = WordPiece(
        {names.get(p, p): i for i, p in enumerate(reversed(pieces))}, unk_token="[UNK]"
    )
    ends = [(mark, inner.token_to_id(mark)) for mark in ("<s>", "</s>")]
    inner.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=ends
    )
    special = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
               "pad_token": "<pad>", "unk_token": "[UNK]", "mask_token": "<mask>"}  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, **special)
    tokenizer.save_pretrained(tmp_path / "shifted")
    return tmp_path / "shifted"


def mpnet(kind: Any, tokenizer: Path, folder: Path, **labels: Any) -> Path:
    torch.manual_seed(7)
    loaded = PreTrainedTokenizerFast.from_pretrained(tokenizer)
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "intermediate_size": 32}
    numbers = {"vocab_size": len(loaded), "pad_token_id": loaded.pad_token_id}
    config = MPNetConfig(**SIZES | {"max_position_embeddings": 140}, **sizes, **numbers, **labels)
    kind.from_config(config).save_pretrained(folder)
    loaded.save_pretrained(folder)
    return folder


def divergence(student: torch.Tensor, teacher: torch.Tensor) -> float:
    """KL(teacher || student) * 4 at temperature 2, of two rows of logits."""
    target, own = (torch.log_softmax(x.double() / 2, -1) for x in (teacher, student))
    return 4 * float((target.exp() * (target - own)).sum())


def test_classes_of_a_teacher_with_another_vocabulary_are_learnt(
    pair: dict[str, Path], shifted: Path, table: Path, tmp_path: Path
) -> None:
    """The loss is the divergence from what `transformers` answers with each one's tokenizer."""
    labels = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
    kind = AutoModelForSequenceClassification
    pair["teacher"] = mpnet(kind, shifted, tmp_path / "mpnet", **labels)
    assert run(pair, table, tmp_path / "run", "--alpha", "1") == 0
    answers = []
    for folder in (pair["student"], pair["teacher"]):
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        model = kind.from_pretrained(folder).eval()
        names = {"return_token_type_ids": False, "return_tensors": "pt"}
        with torch.no_grad():
            answers.append([model(**tokenizer(text, **names)).logits[0] for text, _ in ROWS])
    expected = np.mean([divergence(own, taught) for own, taught in zip(*answers, strict=True)])
    assert loss(tmp_path / "run") == pytest.approx(expected, rel=1e-4)


def test_answers_of_a_teacher_with_another_vocabulary_are_learnt(
    small_teacher: Path, shifted: Path, passages: list[str], tmp_path: Path
) -> None:
    """Its pieces are the student's with other numbers and one more separator: every piece of the
    passage learns from the same piece, "no answer" from the first position."""
    kind = AutoModelForQuestionAnswering
    question, context = "What of it?", passages[0][:160]
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": f"{i}",
                    "question": question,
                    "answers": [{"text": context[:9], "answer_start": 0}],
                }
            ],
        }
        for i in range(20)
    ]
    data = {"data": [{"title": f"t{i}", "paragraphs": [p]} for i, p in enumerate(paragraphs)]}
    (tmp_path / "squad.json").write_text(json.dumps(data))
    torch.manual_seed(3)
    size = len(PreTrainedTokenizerFast.from_pretrained(small_teacher))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 32}
    student, teacher = tmp_path / "student", mpnet(kind, shifted, tmp_path / "mpnet")
    kind.from_config(BertConfig(vocab_size=size, **SIZES, **sizes)).save_pretrained(student)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(small_teacher / name, student)
    line = ["--task", "squad", "--train_file", str(tmp_path / "squad.json"), "--max_length", "128"]
    line += ["--held_out", "0.4", "--model", str(student), "--teacher", str(teacher)]
    line += ["--allow_weak_teacher", "--max_steps", "1", "--learning_rate", "1e-9", "--alpha", "1"]
    line += ["--per_device_train_batch_size", "8", "--save_strategy", "no", "--report_to", "none"]
    line += ["--logits_cache", str(tmp_path / "logits"), "--disable_tqdm", "true"]
    assert finetune([*line, "--output_dir", str(tmp_path / "run")]) == 0
    answers = []
    for folder in (student, teacher):
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        types = folder == student
        pieces = [tokenizer(t, add_special_tokens=False)["input_ids"] for t in (question, context)]
        marks = tokenizer.cls_token_id, tokenizer.sep_token_id
        head = [marks[0], *pieces[0], *[marks[1]] * (1 if types else 2)]
        ids = torch.tensor([[*head, *pieces[1], marks[1]]])
        segments = torch.tensor([[0] * len(head) + [1] * (len(pieces[1]) + 1)])
        with torch.no_grad():
            inputs = {"token_type_ids": segments} if types else {}
            found = kind.from_pretrained(folder).eval()(input_ids=ids, **inputs)
        rows = torch.stack([found.start_logits[0], found.end_logits[0]])
        answers.append((rows, len(head), len(pieces[1])))
    (own, at, count), (taught, from_, same) = answers
    assert count == same
    target = torch.full_like(own, -1e4)
    target[:, 0] = taught[:, 0]
    target[:, at : at + count] = taught[:, from_ : from_ + count]
    expected = np.mean([divergence(a, b) for a, b in zip(own, target, strict=True)])
    assert loss(tmp_path / "run") == pytest.approx(expected, rel=2e-3)  # a cache in half precision


def test_weights_that_need_one_vocabulary_are_one_line(
    pair: dict[str, Path], shifted: Path, table: Path, tmp_path: Path, capsys: Any
) -> None:
    labels = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
    kind = AutoModelForSequenceClassification
    pair["teacher"] = mpnet(kind, shifted, tmp_path / "mpnet", **labels)
    assert run(pair, table, tmp_path / "run", "--relation_weight", "1") == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "only the teacher's logits can teach; leave --hidden_weight" in message
