"""The table of what each target holds, and the numbers that a difference is judged by."""

from __future__ import annotations

import numpy as np
import pytest

from export import ExportError
from export.compress import COMPRESSIONS, TARGETS, check_target
from export.parity import compare, psnr
from export.report import finite


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("quantize", COMPRESSIONS)
def test_what_waits_for_a_later_system(quantize: str, target: str) -> None:
    needed = {"int4": "iOS18", "w8a8": "iOS17"}.get(quantize, "iOS16")
    if target < needed:
        with pytest.raises(ExportError, match=f"{quantize} needs --target {needed}"):
            check_target(quantize, target)
    else:
        check_target(quantize, target)


@pytest.mark.parametrize(("quantize", "target"), [("int2", "iOS18"), ("int8", "iOS9")])
def test_what_is_in_no_table(quantize: str, target: str) -> None:
    with pytest.raises(ExportError, match="unknown"):
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
