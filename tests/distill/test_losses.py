"""The chunked losses equal the plain formula in float64; what weighs nothing is not computed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distill import losses
from distill.losses import TripleWeights, triple_loss
from distill.second_stage import distillation_kl, span_distillation_kl, span_loss, span_targets

VOCABULARY, WIDTH = 211, 24


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


def heads() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(1)
    make = lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, VOCABULARY))  # noqa: E731
    return make(), make()


def plain(batch: dict, head: nn.Module, teacher_head: nn.Module, masked_only: bool) -> torch.Tensor:
    """The formula as the paper writes it, in float64, with all logits at once."""
    attended, masked = batch["attention_mask"].bool(), batch["labels"] != -100
    at = masked if masked_only else attended
    student = head(batch["hidden"])
    teacher = teacher_head(batch["teacher_hidden"])
    p = (teacher[at] / 2).softmax(-1)
    kl = (p * (p.log() - (student[at] / 2).log_softmax(-1))).sum(-1).mean() * 4
    mlm = -student[masked].log_softmax(-1).gather(1, batch["labels"][masked][:, None]).mean()
    a, b = batch["hidden"][attended], batch["teacher_hidden"][attended]
    cosine = (1 - (a * b).sum(-1) / a.norm(dim=-1) / b.norm(dim=-1)).mean()
    return 5 * kl + 2 * mlm + cosine


@pytest.mark.parametrize("masked_only", [False, True])
@pytest.mark.parametrize("positions", [7, 64, 10_000])
def test_chunks_equal_the_plain_formula(
    batch: dict, masked_only: bool, positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "POSITIONS", positions)
    head, teacher_head = heads()
    hidden = batch["hidden"].requires_grad_()
    triple_loss(
        **batch,
        head=head,
        teacher_head=teacher_head,
        weights=TripleWeights(),
        masked_only=masked_only,
    )["loss"].backward()
    found = [hidden.grad, *(p.grad for p in head.parameters())]
    exact_head, exact_teacher = (module.double() for module in heads())
    exact = {k: v.detach().double() if v.is_floating_point() else v for k, v in batch.items()}
    exact["hidden"].requires_grad_()
    value = plain(exact, exact_head, exact_teacher, masked_only)
    value.backward()
    wanted = [exact["hidden"].grad, *(p.grad for p in exact_head.parameters())]
    for got, expected in zip(found, wanted, strict=True):
        torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=1e-5)
    assert all(parameter.grad is None for parameter in teacher_head.parameters())


def test_equal_teacher_and_student_have_nothing_to_learn(batch: dict) -> None:
    head, _ = heads()
    batch["teacher_hidden"] = batch["hidden"]
    terms = triple_loss(**batch, head=head, teacher_head=head, weights=TripleWeights(masked=0))
    assert terms["loss"].abs() < 1e-6
    assert terms.keys() == {"loss", "distillation", "cosine"}


def test_a_term_of_weight_zero_is_not_computed(batch: dict) -> None:
    def forbidden(_: torch.Tensor) -> torch.Tensor:
        raise AssertionError("computed a term of weight 0")

    terms = triple_loss(
        **batch, head=heads()[0], teacher_head=forbidden, weights=TripleWeights(distillation=0)
    )
    assert terms.keys() == {"loss", "masked", "cosine"}


def test_second_stage_against_its_formula() -> None:
    torch.manual_seed(0)
    student, teacher = (
        torch.randn(3, 9, dtype=torch.float64),
        torch.randn(3, 9, dtype=torch.float64),
    )
    p = (teacher / 2).softmax(-1)
    expected = (p * (p.log() - (student / 2).log_softmax(-1))).sum(-1).mean() * 4
    assert distillation_kl(student, teacher) == pytest.approx(float(expected))
    assert distillation_kl(teacher, teacher) == pytest.approx(0, abs=1e-12)
    both = torch.stack([student, teacher], 1)
    assert span_distillation_kl(both, both) == pytest.approx(0, abs=1e-12)


def test_annotators_share_the_target() -> None:
    start, end = span_targets([((2, 3), (2, 4)), ()], 6)
    assert start.tolist() == [[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    assert end.tolist() == [[0, 0, 0, 0.5, 0.5, 0], [1, 0, 0, 0, 0, 0]]
    logits = torch.randn(2, 6)
    wanted = (F.cross_entropy(logits, start) + F.cross_entropy(logits, end)) / 2
    assert span_loss(logits, logits, start, end) == pytest.approx(float(wanted))
