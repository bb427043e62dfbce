"""Hidden states are matched layer by layer; padding counts for nothing. The losses over logits
are held against their formulas in test_triple.py."""

from __future__ import annotations

import pytest
import torch

from distill.losses.task import MASKED, attention_loss, hidden_loss, layer_pairs, mask_padding


@pytest.mark.parametrize(
    ("student", "teacher", "pairs"),
    [
        (3, 6, [(1, 2), (2, 4), (3, 6)]),
        (6, 12, [(1, 2), (2, 4), (3, 6), (4, 8), (5, 10), (6, 12)]),
        (4, 6, [(1, 1), (2, 3), (3, 4), (4, 6)]),
        (1, 6, [(1, 6)]),
    ],
)
def test_a_layer_learns_from_the_same_depth(
    student: int, teacher: int, pairs: list[tuple[int, int]]
) -> None:
    assert layer_pairs(student, teacher) == pairs


def states(layers: int, seed: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(2, 5, 8, generator=generator, dtype=torch.float64) for _ in range(layers + 1)
    )


def test_hidden_loss_against_its_formula() -> None:
    student, teacher = states(2, 0), states(4, 1)
    attention_mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    ratios: dict[int, list[float]] = {0: [], 1: []}
    for mine, theirs in ((1, 2), (2, 4)):
        for row, position in attention_mask.nonzero().tolist():
            target = teacher[theirs][row, position]
            error = student[mine][row, position] - target
            ratios[row].append(float(error @ error) / float(target @ target))
    found = hidden_loss(student, teacher, attention_mask).tolist()
    expected = [sum(values) / len(values) for values in ratios.values()]
    assert found == pytest.approx(expected, rel=1e-12)


def test_hidden_loss_of_equal_states_is_zero_and_padding_has_no_gradient() -> None:
    teacher = states(2, 1)
    attention_mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    assert hidden_loss(teacher, teacher, attention_mask).tolist() == [0, 0]
    student = tuple(state.clone().requires_grad_() for state in states(2, 0))
    hidden_loss(student, teacher, attention_mask).sum().backward()
    gradient = student[1].grad
    assert gradient is not None
    assert gradient[1, 3:].abs().max() == 0
    assert gradient[1, :3].abs().min() > 0


def test_masked_padding_has_no_probability() -> None:
    logits = mask_padding(torch.zeros(1, 4), torch.tensor([[1, 1, 1, 0]]))
    assert logits[0, 3] == MASKED
    assert logits.softmax(-1)[0].tolist() == pytest.approx([1 / 3] * 3 + [0])


def attentions(layers: int, seed: int) -> tuple[torch.Tensor, ...]:
    """What two heads attend to in two rows, the second padded by two."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(layers, 2, 2, 5, 5, generator=generator, dtype=torch.float64)
    scores[:, 1, :, :, 3:] = -torch.inf
    return tuple(scores.softmax(-1).requires_grad_())


def test_attention_loss_against_its_formula() -> None:
    student, teacher = attentions(1, 0), attentions(2, 1)
    attention_mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    divergences: dict[int, list[float]] = {0: [], 1: []}
    for row, position in attention_mask.nonzero().tolist():
        keys = int(attention_mask[row].sum())
        for head in range(2):
            p = teacher[1][row, head, position, :keys]
            q = student[0][row, head, position, :keys]
            divergences[row].append(float((p * (p / q).log()).sum().detach()))
    found = attention_loss(student, teacher, attention_mask)
    expected = [sum(values) / len(values) for values in divergences.values()]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)
    assert attention_loss(student, student, attention_mask).tolist() == [0, 0]
    (gradient,) = torch.autograd.grad(found.sum(), student[0])
    assert bool(gradient.isfinite().all())
    assert gradient[1, :, 3:].abs().max() == 0
