"""Where on the path to stop: budgets, and the command from a checkpoint to a bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import DistilBertConfig, DistilBertForQuestionAnswering

from distill.console.errors import UserError
from export.coreml import main
from export.proof.budget import (
    Budget,
    Choosing,
    asked_choosing,
    check_size,
    first_within,
    parse_budget,
)
from export.proof.chosen_bits import evenly, last_within
from export.proof.rounding import rounded_outputs
from export.proof.witness import load_witness


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("F1 -0.5", ("f1", -0.5, None)),
        ("exact match -1", ("exact_match", -1.0, None)),
        ("spearman-0.3", ("spearman", -0.3, None)),
        ("perplexity +0.2", ("perplexity", 0.2, None)),
        ("8.8 MB", ("", 0.0, 8_800_000)),
    ],
)
def test_budget_is_a_change_of_a_measure_or_a_size(text: str, expected: tuple[object, ...]) -> None:
    budget = parse_budget(text)
    assert (budget.measure, budget.change, budget.bytes) == expected


@pytest.mark.parametrize("text", ["", "F1", "-0.5", "8.8", "8.8 GB", "F1 0.5", "F1 -0.5 %"])
def test_budget_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="unknown budget"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("F1 +0.5", r'a loss of this measure is "F1 -0.5"'),
        ("perplexity -0.2", r'a loss of this measure is "perplexity \+0.2"'),
        ("0 MB", "must be above 0"),
    ],
)
def test_budget_that_allows_anything_or_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_budget(text)


def test_budget_allows_a_loss_in_its_direction() -> None:
    score, loss = Budget("", "f1", -0.5), Budget("", "perplexity", 0.2)

    def allows(budget: Budget, before: float, after: float) -> bool:
        return budget.allows({budget.measure: before}, {budget.measure: after})

    assert allows(score, 70.0, 69.5) and allows(score, 70.0, 75.0) and not allows(score, 70.0, 69.4)
    assert allows(loss, 9.0, 9.2) and allows(loss, 9.0, 3.0) and not allows(loss, 9.0, 9.3)


def test_budget_and_data_are_for_auto(tmp_path: Path) -> None:
    assert asked_choosing("int8", None, None, None) is None
    with pytest.raises(UserError, match="for --quantize auto, not int8"):
        asked_choosing("int8", "F1 -1", None, None)
    with pytest.raises(UserError, match="needs --data FILE and --budget"):
        asked_choosing("auto", "F1 -1", None, None)
    with pytest.raises(UserError, match=r"palettes \(lutN\), not int4"):
        asked_choosing("int4", None, tmp_path, None)
    assert asked_choosing("lut4", None, tmp_path, 7) == Choosing(None, tmp_path, 7)


def test_last_within_stops_before_the_first_that_is_past_the_budget() -> None:
    for edge in range(1, 30):
        asked: list[int] = []

        def good(number: int, edge: int = edge, asked: list[int] = asked) -> bool:
            asked.append(number)
            return number < edge

        assert last_within(30, evenly(30, 8), good) == edge - 1
        assert len(set(asked)) <= 8 + 3


def test_first_within_is_the_largest_package_of_a_size() -> None:
    assert first_within([9_000_000, 8_000_000, 7_000_000], parse_budget("8 MB")) == 1
    with pytest.raises(UserError, match=r"the smallest package has 7.0 MB"):
        first_within([9_000_000, 7_000_000], parse_budget("6.5 MB"))


def test_written_package_is_held_to_the_size() -> None:
    check_size(parse_budget("8 MB"), 8_000_000)
    check_size(parse_budget("F1 -1"), 10**9)
    with pytest.raises(UserError, match=r"the written package has 8.01 MB"):
        check_size(parse_budget("8 MB"), 8_010_000)


@pytest.mark.slow
def test_bound_of_mixed_bits_is_between_those_of_its_formats(
    checkpoint_directory: Callable[[str, str], Path],
) -> None:
    """The yardstick rounds each tensor of the library's model to its own bits."""
    from export.checkpoint.reading import load_checkpoint
    from export.tasks.model_inputs import padded

    checkpoint = load_checkpoint(str(checkpoint_directory("distilbert", "qa")))
    witness, _ = load_witness(checkpoint, "qa")
    inputs = [padded([2, 7, 9, 3], [0] * 4, 16)]
    exact = witness.predict(inputs[0])["start_logits"]
    tensors = [
        n for n in checkpoint.weights or {} if n.endswith("weight") and "norm" not in n.lower()
    ]
    matrices = [n for n in tensors if (checkpoint.weights or {})[n].ndim > 1]
    assert len(matrices) > 10

    def error(quantize: str, formats: dict[str, str] | None = None) -> float:
        draws = rounded_outputs(witness, quantize, inputs, formats)
        return max(float(abs(draw[0]["start_logits"] - exact).max()) for draw in draws)

    mixed = {name: "lut4" if "ffn" in name else "int8" for name in matrices}
    assert error("int8") < error("auto", mixed) < error("lut4")
    assert error("auto", dict.fromkeys(matrices, "none")) < 0.1 * error("int8")
    assert error("auto", dict.fromkeys(matrices, "lut4")) == pytest.approx(error("lut4"), rel=0.2)


def narrow_model(tokenizer: Path, folder: Path) -> str:
    """A DistilBERT for questions with random weights, 64 wide."""
    torch.manual_seed(0)
    config = DistilBertConfig(dim=64, n_layers=2, n_heads=2, hidden_dim=1024, initializer_range=0.1)
    DistilBertForQuestionAnswering(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(tokenizer / name, folder)
    return str(folder)


@pytest.mark.slow
def test_auto_by_the_documented_command(
    minilm_directory: Path,
    squad_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The bundle says what each tensor is stored as, is within its bound, and keeps the size."""
    from export.verify import main as verify

    model, out = narrow_model(minilm_directory, tmp_path / "narrow"), tmp_path / "auto"
    command = ["--model", model, "--quantize", "auto", "--lengths", "128", "--json"]
    # Palettes of embeddings take long, and the weights are random.
    command += ["--skip-layers", "word_embeddings", "--data", str(squad_file), "--limit", "6"]
    assert main([*command, "--budget", "4.3 MB", "--out", str(out)]) == 0
    report = json.loads(capsys.readouterr().out)
    settings = json.loads((out / "model.json").read_text())
    assert settings["quantization"] == "auto"
    assert 4.2e6 < report["package_bytes"] <= 4.3e6
    curve = report["choosing"]["curve"]
    sizes = [point["package_bytes"] for point in curve]
    assert sizes == sorted(sizes, reverse=True) and sum(point["chosen"] for point in curve) == 1
    assert len({*settings["weights"].values()}) > 1
    assert "transformer.layer.0.ffn.lin1.weight" in settings["weights"]
    assert verify([str(out), "--json"]) == 0
    assert main([*command, "--budget", "0.1 MB", "--out", str(tmp_path / "no")]) == 2
    assert "the smallest package has" in capsys.readouterr().err
    assert main([*command, "--budget", "accuracy -1", "--out", str(tmp_path / "no")]) == 2
    assert "expected exact_match, f1" in capsys.readouterr().err


@pytest.mark.slow
def test_palettes_fitted_to_data_by_the_documented_command(
    minilm_directory: Path,
    squad_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The package is as large as without data, its outputs are nearer to the witness's."""
    model = narrow_model(minilm_directory, tmp_path / "narrow")
    command = ["--model", model, "--quantize", "lut4", "--lengths", "128", "--json"]
    command += ["--skip-layers", "word_embeddings"]
    reports = []
    for data in ([], ["--data", str(squad_file)]):
        assert main([*command, *data, "--out", str(tmp_path / f"lut4{len(data)}")]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    plain, fitted = reports
    assert (plain["fitting_inputs"], fitted["fitting_inputs"] > 5) == (0, True)
    assert fitted["package_bytes"] == pytest.approx(plain["package_bytes"], rel=0.01)
    assert fitted["difference"]["psnr"] > plain["difference"]["psnr"]
