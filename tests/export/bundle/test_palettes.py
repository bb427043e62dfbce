"""Fitted palettes: what `coremltools` stores of them."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from export.bundle.compress import compress_each, constants_of
from export.bundle.palettes import FittedPalettes, PaletteGroups, palette_groups
from tests.export.simulator.programs import convert


def test_palette_groups_are_rows_of_a_matrix_and_columns_of_a_table() -> None:
    assert palette_groups(4, "iOS18", (384, 1536), table=False) == PaletteGroups(0, 4)
    assert palette_groups(4, "iOS18", (78, 100), table=False) == PaletteGroups(0, 3)
    assert palette_groups(4, "iOS18", (16000, 384), table=True) == PaletteGroups(1, 1)
    for bits, target in ((8, "iOS18"), (4, "iOS17")):
        assert palette_groups(bits, target, (384, 1536), table=False) == PaletteGroups(0, 384)


@pytest.mark.parametrize("target", ["iOS17", "iOS18"])
def test_palettes_are_stored_with_the_values_that_were_fitted(target: str) -> None:
    """Also where a weight is not the nearest value of its palette; no palette has more than 16."""
    chance = np.random.default_rng(0)
    weight = chance.normal(size=(96, 256)).astype(np.float16)  # float16, more than 10,000 values
    rows = palette_groups(4, target, weight.shape, table=False).size
    palettes = chance.normal(size=(len(weight) // rows, 16)).astype(np.float16)
    places = chance.integers(0, 16, weight.shape)
    values = palettes.repeat(rows, 0)[np.arange(len(weight))[:, None], places]
    model = convert(
        lambda x: mb.linear(x=x, weight=weight),
        [mb.TensorSpec(shape=(1, 256))],
        target=getattr(ct.target, target),
    )
    (name,) = [op.name for op in constants_of(model) if np.ndim(op.outputs[0].val) == 2]
    compressed = compress_each(model, {name: "lut4"}, target, {name: values.astype(np.float32)})
    (product,) = compressed._mil_program.functions["main"].find_ops(op_type="linear")
    stored = product.weight.op
    assert stored.op_type == "constexpr_lut_to_dense"
    assert np.array_equal(stored.materialized_val_inference(), values)
    if target == "iOS18":
        assert stored.lut.val.shape == (24, 1, 16, 1)
    else:
        assert stored.lut.val.shape == (16,)


def test_palette_of_too_many_values_is_refused() -> None:
    values = np.arange(17, dtype=np.float32)[None]
    with pytest.raises(ValueError, match="17 values in a palette of 16"):
        FittedPalettes(values, values, PaletteGroups(0, 1), 4)
