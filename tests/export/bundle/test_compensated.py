"""Rounding that makes up for itself: by hand, and by what a layer's outputs lose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from export.bundle.compensated import Moments, compensated, moments_of
from export.bundle.palettes import PaletteGroups
from export.encoder.layers import ChannelLinear

WHOLE = torch.tensor([[0.0, 1.0]])
EACH_ROW, EACH_COLUMN, FOUR_ROWS = PaletteGroups(0, 1), PaletteGroups(1, 1), PaletteGroups(0, 4)


def rounded_plainly(weight: torch.Tensor, rows: int, values: int) -> torch.Tensor:
    """To so many even steps of each group of rows."""
    groups = weight.view(-1, rows, weight.shape[1])
    low, high = groups.amin((1, 2), keepdim=True), groups.amax((1, 2), keepdim=True)
    step = (high - low) / (values - 1)
    return (((groups - low) / step).round() * step + low).view_as(weight)


def test_loss_of_a_column_goes_to_one_that_is_always_equal() -> None:
    """0.4 x + 0.4 x is 0.8 x: 0 and 1 are nearer to it than 0 and 0."""
    weight, inputs = torch.tensor([[0.4, 0.4]]), torch.ones(5, 2)
    found = compensated(weight, WHOLE, Moments(inputs.T @ inputs), EACH_ROW)
    assert sorted(found[0].tolist()) == [0, 1]


def test_columns_that_do_not_go_together_are_rounded_plainly() -> None:
    weight = torch.tensor([[0.4, 0.4, 0.9, 0.6]])
    plain = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    moments = Moments(torch.diag(torch.arange(1.0, 5)))
    assert torch.equal(compensated(weight, plain, moments, EACH_ROW), plain)


def test_loss_of_a_row_goes_to_one_that_outputs_add_to_it() -> None:
    """As with columns; rows of one block do not hear of each other, so that they are 33."""
    rows = torch.diag(torch.cat([torch.arange(40.0, 8, -1), torch.tensor([8.0])]))
    rows[31, 32] = rows[32, 31] = 8.0
    weight = torch.zeros(33, 1)
    weight[31:] = 0.4
    plain = torch.zeros(33, 1)
    plain[0] = 1.0
    found = compensated(weight, plain, Moments(torch.eye(1), rows), PaletteGroups(0, 33))
    assert found[:, 0].tolist() == [0.0] * 32 + [1.0]


def test_table_keeps_the_palette_of_each_column() -> None:
    weight = torch.tensor([[0.4, 4.0], [0.9, 6.0]])
    plain = torch.tensor([[0.0, 5.0], [1.0, 7.0]])
    found = compensated(weight, plain, Moments(torch.tensor([[1.0, 0.5], [0.5, 1.0]])), EACH_COLUMN)
    assert set(found[:, 0].tolist()) <= {0.0, 1.0} and set(found[:, 1].tolist()) <= {5.0, 7.0}


@pytest.mark.parametrize("columns", [24, 300])  # within a block, and over several
def test_outputs_move_less_with_the_same_palettes(columns: int) -> None:
    chance = torch.Generator().manual_seed(0)
    weight = torch.randn(8, columns, generator=chance)
    inputs = torch.randn(500, 6, generator=chance) @ torch.randn(6, columns, generator=chance)
    inputs += 0.3 * torch.randn(500, columns, generator=chance)
    plain = rounded_plainly(weight, 4, 16)
    found = compensated(weight, plain, Moments(inputs.T @ inputs), FOUR_ROWS)
    for group in range(2):
        rows = slice(4 * group, 4 * group + 4)
        assert set(found[rows].unique().tolist()) <= set(plain[rows].unique().tolist())
    lost, lost_plainly = ((inputs @ (w - weight).T).square().mean() for w in (found, plain))
    assert lost < lost_plainly / 3


def test_outputs_move_less_where_rows_go_together_too() -> None:
    chance = torch.Generator().manual_seed(0)
    weight = torch.randn(128, 24, generator=chance)
    inputs = torch.randn(500, 6, generator=chance) @ torch.randn(6, 24, generator=chance)
    inputs += 0.3 * torch.randn(500, 24, generator=chance)
    after = torch.randn(16, 128, generator=chance)  # outputs of the model from the layer's
    plain = rounded_plainly(weight, 4, 16)
    columns = inputs.T @ inputs

    def lost(moments: Moments) -> float:
        found = compensated(weight, plain, moments, FOUR_ROWS)
        return float((after @ (found - weight) @ inputs.T).square().mean())

    assert lost(Moments(columns, after.T @ after)) < lost(Moments(columns)) / 2


class Small(nn.Module):
    """A table, a linear layer in each layout, and an output from each."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 3)
        self.rows, self.channels = nn.Linear(3, 2), ChannelLinear(3, 2)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.table(ids)
        return self.rows(hidden), self.channels(hidden.transpose(1, 2)[:, :, None])


def test_columns_are_of_what_goes_into_a_linear_layer_in_either_layout() -> None:
    model, ids = Small(), torch.tensor([[1, 4, 4, 8]])
    found = moments_of(model, ["rows.weight", "channels.weight"], [(ids,), (ids,)])
    vectors = model.table.weight[ids[0]].detach()
    assert set(found) == {"rows.weight", "channels.weight"}
    for moments in found.values():
        torch.testing.assert_close(moments.columns, 2 * vectors.T @ vectors)


def test_rows_are_of_the_slopes_of_random_sums_of_the_outputs() -> None:
    """Here the layers give the outputs, whose slopes are the random numbers: as many of variance 1
    as there are positions. A table's slopes go through both layers."""
    model, ids = Small(), torch.tensor([[1, 4, 7, 8]])
    found = moments_of(model, ["table.weight", "rows.weight", "channels.weight"], [(ids,)] * 500)
    for name in ("rows.weight", "channels.weight"):
        torch.testing.assert_close(found[name].rows, 2000 * torch.eye(2), rtol=0.2, atol=200)
    both = torch.cat([model.rows.weight, model.channels.weight]).detach()
    assert found["table.weight"].rows is None
    expected = 2000 * both.T @ both
    torch.testing.assert_close(found["table.weight"].columns, expected, rtol=0.2, atol=200)
