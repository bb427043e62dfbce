"""A student starts from its teacher's function and is a plain `transformers` DistilBERT."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    MPNetConfig,
    MPNetForMaskedLM,
    MPNetModel,
)

from distill.console.errors import UserError
from distill.students.from_layers import choose_layers, make_student

SMALL = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
}


@pytest.mark.parametrize(
    ("choice", "teacher", "student", "layers"),
    [
        ("reference", 12, 6, (0, 2, 4, 7, 9, 11)),
        ("reference", 6, 3, (0, 2, 4)),
        ("even", 12, 4, (0, 4, 7, 11)),
        ("first", 6, 2, (0, 1)),
        ("last", 6, 2, (4, 5)),
        ("random", 6, 2, ()),
        ((1, 5), 6, 2, (1, 5)),
        ("reference", 4, 8, (0, 0, 1, 1, 2, 2, 3, 3)),
        ("even", 2, 3, (0, 0, 1)),
        ((0, 1, 1), 2, 3, (0, 1, 1)),
    ],
)
def test_layers_are_chosen_as_they_are_named(choice, teacher, student, layers) -> None:
    assert choose_layers(choice, teacher, student) == layers


@pytest.mark.parametrize("choice", ["middle", (1, 2, 3), (0, 9)])
def test_layers_that_the_teacher_does_not_have_are_refused(choice) -> None:
    with pytest.raises(UserError):
        choose_layers(choice, 6, 2)


@pytest.mark.parametrize(
    "teacher",
    [
        ("BertForMaskedLM", {}),
        ("RobertaForMaskedLM", {"type_vocab_size": 1}),
        ("XLMRobertaForMaskedLM", {"pad_token_id": 3}),
        ("CamembertForMaskedLM", {}),
        ("Data2VecTextForMaskedLM", {}),
        ("ElectraForMaskedLM", {"embedding_size": 32}),
        ("DistilBertForMaskedLM", {"hidden_dim": 64}),
        ("DistilBertForMaskedLM", {"hidden_dim": 64, "sinusoidal_pos_embds": True}),
    ],
    ids=lambda teacher: teacher[0],
)
def test_a_student_of_all_layers_is_its_teacher(teacher, tmp_path: Path) -> None:
    """At every position, since model types count positions in two ways."""
    name, settings = teacher
    kind = getattr(transformers, name)
    teacher = kind(kind.config_class(**SMALL | settings))
    student = make_student(teacher, 4)
    student.save_pretrained(tmp_path)
    loaded = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    assert loaded.config.model_type == "distilbert"
    ids = torch.randint(5, 99, (2, 20))
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, teacher.eval()(ids).logits)


def test_a_student_of_minilm_embeds_as_minilm_does(minilm_directory: Path) -> None:
    teacher = AutoModel.from_pretrained(minilm_directory).eval()
    student = make_student(teacher, 3).eval()
    ids = torch.randint(1000, 20_000, (2, 30))
    with torch.no_grad():
        expected = teacher.embeddings(input_ids=ids)
        torch.testing.assert_close(student.distilbert.embeddings(ids), expected)
    first = teacher.encoder.layer[2].attention.self.query.weight
    assert torch.equal(student.distilbert.transformer.layer[1].attention.q_lin.weight, first)


@pytest.mark.parametrize("kind", ["CamembertModel", "Data2VecTextModel", "RobertaModel"])
def test_a_student_of_a_teacher_without_head_has_its_positions(kind: str) -> None:
    make = getattr(transformers, kind)
    teacher = make(make.config_class(**SMALL)).eval()
    student = make_student(teacher, 4).eval()
    ids = torch.randint(5, 99, (2, 20))
    with torch.no_grad():
        expected, found = teacher(ids).last_hidden_state, student.distilbert(ids).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("choice", ["reference", "random"])
def test_a_teacher_of_another_family_is_refused(choice: str) -> None:
    for teacher in (MPNetModel(MPNetConfig(**SMALL)), MPNetForMaskedLM(MPNetConfig(**SMALL))):
        with pytest.raises(UserError, match="cannot be made from the layers of a mpnet"):
            make_student(teacher, 1, choice)


def test_random_students_repeat_with_their_seed() -> None:
    teacher = BertForMaskedLM(BertConfig(**SMALL))
    one, two = (make_student(teacher, 2, "random", seed=7).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
