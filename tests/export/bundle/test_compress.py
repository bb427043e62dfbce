"""The table of what each target holds, and the numbers that a difference is judged by."""

from __future__ import annotations

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb

from distill.console.command_parser import finite
from distill.console.errors import UserError
from export.bundle.compress import COMPRESSIONS, TARGETS, check_target, compress_weights
from export.proof.differences import compare, psnr
from tests.export.simulator.programs import convert


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("quantize", COMPRESSIONS)
def test_what_waits_for_a_later_system(quantize: str, target: str) -> None:
    needed = {"int4": "iOS18", "lut3": "iOS18", "w8a8": "iOS17"}.get(quantize, "iOS16")
    if target < needed:
        with pytest.raises(UserError, match=f"{quantize} needs --target {needed}"):
            check_target(quantize, target)
    else:
        check_target(quantize, target)


@pytest.mark.parametrize(("quantize", "target"), [("int2", "iOS18"), ("int8", "iOS9")])
def test_what_is_in_no_table(quantize: str, target: str) -> None:
    with pytest.raises(UserError, match="unknown"):
        check_target(quantize, target)


def test_fewer_bits_are_not_judged_more_strictly() -> None:
    for kind in ("linear", "palette"):
        bounds = [(c.bits, c.psnr) for c in COMPRESSIONS.values() if c.kind == kind]
        assert bounds == sorted(bounds, reverse=True)
    assert COMPRESSIONS["none"].psnr >= 60
    assert COMPRESSIONS["int8"].psnr >= 35


def test_psnr_of_a_known_error() -> None:
    """An error of a thousandth of the peak is 60 dB."""
    reference = np.array([1.0, -10.0, 3.0], np.float32)
    assert psnr(reference, reference + 0.01) == pytest.approx(60, abs=0.01)
    assert psnr(reference, reference) == np.inf


def test_overflow_is_reported_and_fits_json() -> None:
    difference = compare([np.ones((1, 2))], [np.array([[1.0, np.inf]])])
    assert difference.overflow
    assert difference.psnr == -np.inf
    assert finite({"report": {"psnr": difference.psnr, "max": 1.0}}) == {
        "report": {"psnr": None, "max": 1.0}
    }


@pytest.mark.parametrize(
    ("quantize", "rows", "columns"),
    [("int4", 64, 312), ("int4", 50, 45), ("lut4", 78, 100), ("lut6", 77, 100)],
)
def test_no_width_is_left_in_half_precision(quantize: str, rows: int, columns: int) -> None:
    """TinyBERT is 312 wide, a vocabulary has 30,522 rows: not multiples of a block or a group."""
    weight = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    model = convert(
        lambda x: mb.linear(x=x, weight=weight),
        [mb.TensorSpec(shape=(1, columns))],
        target=ct.target.iOS18,
    )
    compressed = compress_weights(model, quantize, "iOS18")
    (product,) = compressed._mil_program.functions["main"].find_ops(op_type="linear")
    assert product.weight.op.op_type.startswith("constexpr_")
    stored = product.weight.op.materialized_val_inference()
    assert psnr(weight, stored) >= COMPRESSIONS[quantize].psnr
