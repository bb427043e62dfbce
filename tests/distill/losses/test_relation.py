"""The relation loss against its definition, written out in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    MPNetConfig,
    MPNetForMaskedLM,
)

from distill.console.errors import UserError
from distill.losses.relation import LayerRelations, relation_loss, taught_layer
from distill.losses.triple import TripleWeights
from distill.training.distiller import Distiller

LENGTHS = (5, 3)
SIZES = {"vocab_size": 60, "max_position_embeddings": 16}


def states(width: int, seed: int) -> list[torch.Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 5, width, generator=drawn, dtype=torch.float64) for _ in range(3)]


def mask() -> torch.Tensor:
    return (torch.arange(5) < torch.tensor(LENGTHS)[:, None]).long()


def written_out(student: list, teacher: list, heads: int) -> float:
    """Equations 5 to 7 of arXiv 2012.15828, position by position."""

    def relation(row: np.ndarray, at: int, head: int, length: int) -> np.ndarray:
        size = row.shape[1] // heads
        part = row[:length, head * size : (head + 1) * size]
        scores = np.exp([part[at] @ part[other] / math.sqrt(size) for other in range(length)])
        return scores / scores.sum()

    divergences = [
        (p := relation(taught[b].numpy(), at, head, length))
        @ np.log(p / relation(own[b].numpy(), at, head, length))
        for own, taught in zip(student, teacher, strict=True)
        for b, length in enumerate(LENGTHS)
        for at in range(length)
        for head in range(heads)
    ]
    return float(np.mean(divergences))


@pytest.mark.parametrize(("width", "heads"), [(12, 4), (24, 4), (8, 2), (12, 1)])
def test_the_loss_is_its_definition_for_widths_that_differ(width: int, heads: int) -> None:
    student, teacher = states(12, 0), states(width, 1)
    found = relation_loss(student, teacher, mask(), heads)
    assert float(found) == pytest.approx(written_out(student, teacher, heads), abs=1e-12)


def test_the_gradient_is_that_of_the_loss() -> None:
    student = [tensor.requires_grad_() for tensor in states(4, 0)]
    teacher = states(8, 1)
    assert torch.autograd.gradcheck(lambda *s: relation_loss(s, teacher, mask(), 2), student)


def test_equal_states_and_padding_cost_nothing() -> None:
    student = states(12, 0)
    assert float(relation_loss(student, student, mask(), 3)) == pytest.approx(0, abs=1e-12)
    other = [tensor.clone() for tensor in student]
    for tensor in other:
        tensor[1, 3:] = 7.0
    assert float(relation_loss(other, student, mask(), 3)) == pytest.approx(0, abs=1e-12)


def test_layer_that_teaches_is_the_papers() -> None:
    assert [taught_layer(n) for n in (6, 12, 24)] == [5, 11, 20]


def test_row_losses_are_means_over_the_positions_of_each_row() -> None:
    student, teacher = student_of(12, 4).double(), student_of(24, 6).double()
    relations = LayerRelations(student, teacher, 4)
    ids = torch.randint(5, 60, (2, 5))
    for model in (student, teacher):
        model(ids, mask())
    states = (relations.student.take(), relations.teacher.take())
    own, taught = ([t.detach().double() for t in layer] for layer in states)
    for model in (student, teacher):
        model(ids, mask())
    rows = relations.row_losses(mask()).tolist()
    shares = [n / sum(LENGTHS) for n in LENGTHS]
    whole = sum(row * share for row, share in zip(rows, shares, strict=True))
    assert whole == pytest.approx(written_out(own, taught, 4), rel=1e-5)
    alone = [[t[1:, :3] for t in layer] for layer in (own, taught)]
    row = relation_loss(alone[0], alone[1], torch.ones(1, 3), 4)
    assert rows[1] == pytest.approx(float(row), rel=1e-5)


def student_of(width: int, heads: int) -> DistilBertForMaskedLM:
    config = DistilBertConfig(**SIZES, dim=width, n_heads=heads, n_layers=2, hidden_dim=32)
    return DistilBertForMaskedLM(config).eval()


@pytest.mark.parametrize(
    ("kind", "config"), [(BertForMaskedLM, BertConfig), (MPNetForMaskedLM, MPNetConfig)]
)
def test_pre_training_learns_relations_of_a_wider_teacher(kind: type, config: type) -> None:
    """The loss of the Distiller is the definition on the layers' own projections."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_attention_heads": 6, "num_hidden_layers": 3}
    teacher = kind(config(**SIZES, **sizes, intermediate_size=32, pad_token_id=1)).eval()
    student = student_of(12, 4)
    model = Distiller(student, teacher, TripleWeights(0, 2, 0), relation=3.0).eval()
    ids = torch.randint(5, 60, (2, 5))
    labels = torch.where(torch.arange(5) == 1, ids, -100)
    terms = model(ids, mask(), labels)
    expected = 2 * terms["masked"] + 3 * terms["relation"]
    assert float(terms["loss"]) == pytest.approx(float(expected), rel=1e-6)
    hidden = student.base_model(ids, mask(), output_hidden_states=True).hidden_states[1]
    attention = student.distilbert.transformer.layer[1].attention
    own = [m(hidden) for m in (attention.q_lin, attention.k_lin, attention.v_lin)]
    hidden = teacher.base_model(ids, mask(), output_hidden_states=True).hidden_states[2]
    layer = teacher.base_model.encoder.layer[2].attention
    names = ("attn.q", "attn.k", "attn.v") if kind is MPNetForMaskedLM else None
    names = names or ("self.query", "self.key", "self.value")
    taught = [layer.get_submodule(name)(hidden) for name in names]
    reference = written_out(*([t.detach().double() for t in s] for s in (own, taught)), 4)
    assert float(terms["relation"]) == pytest.approx(reference, rel=1e-3)
    model.train()(ids, mask(), labels)["loss"].backward()
    assert float(attention.q_lin.weight.grad.abs().sum()) > 0


def test_heads_that_do_not_divide_a_width_are_refused() -> None:
    with pytest.raises(UserError, match="5 relation heads do not divide a width of 12"):
        LayerRelations(student_of(12, 4), student_of(24, 4), 5)
