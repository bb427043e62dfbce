"""The chunked losses equal the plain formula in float64; what weighs nothing is not computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distill.losses import triple as losses
from distill.losses.task import distillation_kl, span_distillation_kl, span_loss, span_targets
from distill.losses.triple import Arithmetic, Positions, TripleWeights, triple_loss

VOCABULARY, WIDTH = 211, 24


class SmallHead(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.steps = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU())
        self.decoder = nn.Linear(WIDTH, VOCABULARY)

    def transform(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.steps(hidden)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.steps(hidden))


class ForbiddenHead:
    decoder: Any = None

    def transform(self, _: torch.Tensor) -> torch.Tensor:
        raise AssertionError("computed a term of weight 0")


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(4, 50, dtype=torch.long)
    mask[1, 30:] = mask[3, 7:] = 0
    labels = torch.randint(0, VOCABULARY, (4, 50), generator=generator)
    labels[torch.rand(4, 50, generator=generator) > 0.2] = -100
    labels[mask == 0] = -100
    return {
        "hidden": torch.randn(4, 50, WIDTH, generator=generator),
        "teacher_hidden": torch.randn(4, 50, WIDTH, generator=generator),
        "attention_mask": mask,
        "labels": labels,
    }


def heads() -> tuple[SmallHead, SmallHead]:
    return SmallHead(1), SmallHead(2)


def triple(batch: dict[str, Any], **options: Any) -> dict[str, torch.Tensor]:
    at = Positions.of(batch["attention_mask"], batch["labels"])
    return triple_loss(batch["hidden"], batch["teacher_hidden"], at, **options)


def plain(
    batch: dict[str, Any],
    head: SmallHead,
    teacher_head: SmallHead,
    weights: TripleWeights,
    masked_only: bool,
) -> torch.Tensor:
    """The formula as the paper writes it, in float64, with all logits at once."""
    t = weights.temperature
    attended, masked = batch["attention_mask"].bool(), batch["labels"] != -100
    at = masked if masked_only else attended
    student = head(batch["hidden"])
    p = (teacher_head(batch["teacher_hidden"])[at] / t).softmax(-1)
    kl = (p * (p.log() - (student[at] / t).log_softmax(-1))).sum(-1).mean() * t**2
    mlm = -student[masked].log_softmax(-1).gather(1, batch["labels"][masked][:, None]).mean()
    a, b = batch["hidden"][attended], batch["teacher_hidden"][attended]
    cosine = (1 - (a * b).sum(-1) / a.norm(dim=-1) / b.norm(dim=-1)).mean()
    return weights.distillation * kl + weights.masked * mlm + weights.cosine * cosine


@pytest.mark.parametrize(
    "weights",
    [
        TripleWeights(),
        TripleWeights(temperature=4.0),
        TripleWeights(distillation=0),
        TripleWeights(masked=0),
        TripleWeights(cosine=0),
        TripleWeights(0, 0, 1),
    ],
    ids=["full", "T=4", "no L_ce", "no L_mlm", "no L_cos", "L_cos"],
)
@pytest.mark.parametrize("masked_only", [False, True])
@pytest.mark.parametrize("positions", [7, 64, 10_000])
def test_chunks_equal_the_plain_formula(
    batch: dict[str, Any], weights: TripleWeights, masked_only: bool, positions: int
) -> None:
    head, teacher_head = heads()
    hidden = batch["hidden"].requires_grad_()
    loss = triple(
        batch,
        head=head,
        teacher_head=teacher_head,
        weights=weights,
        masked_only=masked_only,
        positions=positions,
    )["loss"]
    (3 * loss).backward()
    exact_head, exact_teacher = (module.double() for module in heads())
    exact = {k: v.detach().double() if v.is_floating_point() else v for k, v in batch.items()}
    exact["hidden"].requires_grad_()
    value = plain(exact, exact_head, exact_teacher, weights, masked_only)
    (3 * value).backward()
    torch.testing.assert_close(loss.double(), value, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(hidden.grad.double(), exact["hidden"].grad, atol=1e-5, rtol=1e-5)
    for mine, theirs in zip(head.parameters(), exact_head.parameters(), strict=True):
        wanted = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad
        got = torch.zeros_like(mine) if mine.grad is None else mine.grad
        torch.testing.assert_close(got.double(), wanted, atol=1e-5, rtol=1e-5)
    assert all(parameter.grad is None for parameter in teacher_head.parameters())


@pytest.mark.parametrize("masked_only", [False, True])
def test_a_batch_without_padding(batch: dict[str, Any], masked_only: bool) -> None:
    """Its states are taken as they are, not copied."""
    batch["attention_mask"] = torch.ones(4, 50, dtype=torch.long)
    head, teacher_head = heads()
    batch["hidden"].requires_grad_()
    options = {"weights": TripleWeights(), "masked_only": masked_only}
    loss = triple(batch, head=head, teacher_head=teacher_head, **options)["loss"]
    wanted = plain(batch, head, teacher_head, **options)
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(
        *(torch.autograd.grad(each, batch["hidden"])[0] for each in (loss, wanted))
    )


def test_loss_is_the_weighted_sum_of_its_terms(batch: dict[str, Any]) -> None:
    head, teacher_head = heads()
    terms = triple(batch, head=head, teacher_head=teacher_head, weights=TripleWeights())
    total = 5 * terms["distillation"] + 2 * terms["masked"] + terms["cosine"]
    torch.testing.assert_close(terms["loss"], total)


def test_logits_are_never_held_for_the_whole_batch(
    batch: dict[str, Any],
) -> None:
    sizes: list[int] = []

    def counted(logits: torch.Tensor, target: torch.Tensor) -> Any:
        sizes.extend((len(logits), len(target)))
        return losses.kl_and_gradient(logits, target)

    head, teacher_head = heads()
    triple(
        batch,
        head=head,
        teacher_head=teacher_head,
        weights=TripleWeights(),
        positions=16,
        arithmetic=Arithmetic(divergence=counted),
    )
    assert max(sizes) == 16
    assert sum(sizes) == 2 * int(batch["attention_mask"].sum())


def test_a_vocabulary_filled_up_changes_nothing(
    batch: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    head, teacher_head = heads()
    found = []
    for entries in (1, 64):
        monkeypatch.setattr(losses, "CPU_ENTRIES", entries)
        terms = triple(batch, head=head, teacher_head=teacher_head, weights=TripleWeights())
        terms.pop("loss").backward()
        found.append([*terms.values(), *(each.grad.clone() for each in head.parameters())])
        head.zero_grad(set_to_none=True)
    torch.testing.assert_close(*found)


def test_equal_teacher_and_student_have_nothing_to_learn(batch: dict[str, Any]) -> None:
    head, _ = heads()
    hidden = batch["hidden"].requires_grad_()
    batch["teacher_hidden"] = hidden.detach().clone()
    terms = triple(batch, head=head, teacher_head=head, weights=TripleWeights(masked=0))
    terms["loss"].backward()
    assert terms["loss"].abs() < 1e-6
    assert hidden.grad.abs().max() < 1e-6
    assert terms.keys() == {"loss", "distillation", "cosine"}


@pytest.mark.parametrize("zero", ["distillation", "masked", "cosine"])
def test_a_term_of_weight_zero_is_not_computed(batch: dict[str, Any], zero: str) -> None:
    def forbidden(*_: Any) -> Any:
        raise AssertionError("computed a term of weight 0")

    head, teacher_head = heads()
    name = {"distillation": "divergence", "masked": "cross_entropy", "cosine": "cosine"}
    terms = triple(
        batch,
        head=head,
        teacher_head=ForbiddenHead() if zero == "distillation" else teacher_head,
        weights=replace(TripleWeights(), **{zero: 0}),
        arithmetic=replace(Arithmetic(), **{name[zero]: forbidden}),
    )
    assert terms.keys() == {"loss", "distillation", "masked", "cosine"} - {zero}


def test_gradients_are_computed_only_where_needed(batch: dict[str, Any]) -> None:
    head, teacher_head = heads()
    with torch.no_grad():
        found = triple(batch, head=head, teacher_head=teacher_head, weights=TripleWeights())
    with_gradient = triple(batch, head=head, teacher_head=teacher_head, weights=TripleWeights())
    torch.testing.assert_close(found["loss"], with_gradient["loss"].detach())


def test_sixteen_bits_where_the_device_has_them(batch: dict[str, Any]) -> None:
    head, teacher_head = heads()
    arguments = {
        "batch": batch,
        "head": head,
        "teacher_head": teacher_head,
        "weights": TripleWeights(),
    }
    exact = triple(**arguments)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        loss = triple(**arguments)["loss"]
    loss.backward()
    assert head.decoder.weight.grad.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)


def test_small_gradients_are_not_lost_in_float16(batch: dict[str, Any]) -> None:
    """A batch of 50 in a step, a student near its teacher; the loss is scaled as in training."""
    head = SmallHead(1)
    batch["teacher_hidden"] = batch["hidden"] * 1.01
    weights = TripleWeights().shared(1 / 50, 1 / 50)
    scale, gradients = 2.0**16, []
    for half in (False, True):
        batch["hidden"] = batch["hidden"].detach().requires_grad_()
        with torch.autocast("cpu", torch.float16, enabled=half):
            loss = triple(batch, head=head, teacher_head=head, weights=weights)["loss"]
        (loss * scale).backward()
        gradients.append(batch["hidden"].grad / scale)
    unmasked = (batch["labels"] == -100) & (batch["attention_mask"] == 1)
    exact, found = (gradient[unmasked] for gradient in gradients)
    assert float((found - exact).norm() / exact.norm()) < 0.1


def test_second_stage_against_its_formula() -> None:
    torch.manual_seed(0)
    student, teacher = (
        torch.randn(3, 9, dtype=torch.float64),
        torch.randn(3, 9, dtype=torch.float64),
    )
    p = (teacher / 2).softmax(-1)
    expected = (p * (p.log() - (student / 2).log_softmax(-1))).sum(-1).mean() * 4
    assert distillation_kl(student, teacher).mean().item() == pytest.approx(float(expected))
    assert distillation_kl(teacher, teacher).mean().item() == pytest.approx(0, abs=1e-12)
    both = torch.stack([student, teacher], 1)
    assert span_distillation_kl(both, both).mean().item() == pytest.approx(0, abs=1e-12)


def test_annotators_share_the_target() -> None:
    start, end = span_targets([((2, 3), (2, 4)), ()], 6)
    assert start.tolist() == [[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    assert end.tolist() == [[0, 0, 0, 0.5, 0.5, 0], [1, 0, 0, 0, 0, 0]]
    start, end = start.double(), end.double()
    logits = torch.randn(2, 6, dtype=torch.float64)
    wanted = (F.cross_entropy(logits, start) + F.cross_entropy(logits, end)) / 2
    assert span_loss(logits, logits, start, end).mean().item() == pytest.approx(float(wanted))
