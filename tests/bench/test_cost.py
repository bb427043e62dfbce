from __future__ import annotations

import json

import pytest

from bench.cost import main
from bench.measuring import timing

GIVEN = ["--peak", "100", "--bandwidth", "10"]


def test_another_machines_roof_needs_no_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["distilbert", "--length", "128", "--json", *GIVEN]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["parameters"] == 66_362_880
    assert result["flops"] == sum(p["count"] * p["flops"] for p in result["parts"])
    assert result["roofline_ms"] == pytest.approx(sum(p["roofline_ms"] for p in result["parts"]))
    assert result["roofline_ms"] >= 1000 * result["flops"] / 100e9
    assert result["runtimes"] == []
    assert result["machine"] is None


@pytest.mark.parametrize("model", ["distilbert", "elmo"])
def test_the_table_has_every_part_and_a_total(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([model, *GIVEN]) == 0
    printed = capsys.readouterr().out
    assert "in all" in printed
    assert f"{model} (random weights), 128 tokens, float32" in printed
    assert "100 GFLOP/s" in printed


def test_a_runtime_is_measured_against_the_roof(
    minilm_directory: object, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["minilm", "--length", "32", "--seconds", "0.3", "--threads", "1", "--json"]
    assert main([*arguments, "--runtime", "torch,coreml"]) == 0
    result = json.loads(capsys.readouterr().out)
    (row,) = result["runtimes"]
    assert row["runtime"] == "torch"
    assert row["share"] == pytest.approx(result["roofline_ms"] / row["median_ms"])
    assert result["roof"]["product_gflops"] > 1
    assert result["left_out"][0].startswith("minilm in coreml")


def test_ctrl_c_prints_what_was_measured_and_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, turn = iter(range(100)), timing.Clock.turn

    def interrupted(clock: timing.Clock) -> None:
        if next(turns) == 2:
            raise KeyboardInterrupt
        turn(clock)

    monkeypatch.setattr(timing.Clock, "turn", interrupted)
    arguments = ["qa-mini", "--length", "8", "--threads", "1", "--runtime", "torch"]
    assert main(arguments) == 130
    assert "of the roofline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["brt"], "unknown model"),
        (["bert", "--length", "513", *GIVEN], "between 2 and 512"),
        (["bert", "--length", "0", *GIVEN], "between 2 and 512"),
        (["bert", "--peak", "100"], "belong together"),
        (["bert", "--peak", "0", "--bandwidth", "1"], "above 0"),
        (["bert", "--seconds", "nan"], "above 0"),
        (["elmo", "--length", "1", *GIVEN], "at least 2"),
        (["bert", "--threads", "0", *GIVEN], "--threads 0 is not possible"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert len(printed.strip().splitlines()) == 1
