"""Rounding that makes up for itself: by hand, and by what a layer's outputs lose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from export.bundle.compensated import compensated, second_moments
from export.encoder.layers import ChannelLinear

WHOLE = torch.tensor([[0.0, 1.0]])


def rounded_plainly(weight: torch.Tensor, rows: int, values: int) -> torch.Tensor:
    """To so many even steps of each group of rows."""
    groups = weight.view(-1, rows, weight.shape[1])
    low, high = groups.amin((1, 2), keepdim=True), groups.amax((1, 2), keepdim=True)
    step = (high - low) / (values - 1)
    return (((groups - low) / step).round() * step + low).view_as(weight)


def test_loss_of_a_column_goes_to_one_that_is_always_equal() -> None:
    """0.4 x + 0.4 x is 0.8 x: 0 and 1 are nearer to it than 0 and 0."""
    weight, inputs = torch.tensor([[0.4, 0.4]]), torch.ones(5, 2)
    found = compensated(weight, WHOLE, inputs.T @ inputs, 1)
    assert sorted(found[0].tolist()) == [0, 1]


def test_columns_that_do_not_go_together_are_rounded_plainly() -> None:
    weight = torch.tensor([[0.4, 0.4, 0.9, 0.6]])
    plain = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    assert torch.equal(compensated(weight, plain, torch.diag(torch.arange(1.0, 5)), 1), plain)


@pytest.mark.parametrize("columns", [24, 300])  # within a block, and over several
def test_outputs_move_less_with_the_same_palettes(columns: int) -> None:
    chance = torch.Generator().manual_seed(0)
    weight = torch.randn(8, columns, generator=chance)
    inputs = torch.randn(500, 6, generator=chance) @ torch.randn(6, columns, generator=chance)
    inputs += 0.3 * torch.randn(500, columns, generator=chance)
    plain = rounded_plainly(weight, 4, 16)
    found = compensated(weight, plain, inputs.T @ inputs, 4)
    for group in range(2):
        rows = slice(4 * group, 4 * group + 4)
        assert set(found[rows].unique().tolist()) <= set(plain[rows].unique().tolist())
    lost, lost_plainly = ((inputs @ (w - weight).T).square().mean() for w in (found, plain))
    assert lost < lost_plainly / 3


def test_moments_are_those_of_what_goes_into_a_linear_layer_in_either_layout() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(9, 3)
            self.rows, self.channels = nn.Linear(3, 2), ChannelLinear(3, 2)

        def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = self.table(ids)
            return self.rows(hidden), self.channels(hidden.transpose(1, 2)[:, :, None])

    model, ids = Model(), torch.tensor([[1, 4, 4, 8]])
    names = ["table.weight", "rows.weight", "channels.weight"]
    moments = second_moments(model, names, [(ids,), (ids,)])
    vectors = model.table.weight[ids[0]].detach()
    assert set(moments) == {"rows.weight", "channels.weight"}
    for found in moments.values():
        torch.testing.assert_close(found, 2 * vectors.T @ vectors)
