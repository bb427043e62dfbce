"""Bits by weight: what is stored against packages in the simulator, and the path against all
choices."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import DistilBertConfig, DistilBertForQuestionAnswering

from export.bundle.compensated import compress_fitted
from export.bundle.compress import compress_weights
from export.bundle.convert import convert
from export.bundle.mixed_bits import (
    HALF,
    Stored,
    compress_by_choice,
    constants_by_weight,
    errors_alone,
    formats_for,
    path,
    sizes_of,
    spend,
    stored_as,
    stored_weights,
    weight_bytes,
)
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import TaskModel, build_encoder
from export.simulator import Simulator

LENGTH = 48
PARTS = ("query", "key", "value", "output", "up", "down")
WEIGHTS = {
    "encoder.word_embeddings.weight",
    "encoder.position_embeddings.weight",
    *(f"encoder.layers.0.{part}.weight" for part in PARTS),
}

Converted = tuple[TaskModel, Any, dict[str, str], Stored]


@pytest.fixture(scope="module", params=["standard", pytest.param("ane", marks=pytest.mark.slow)])
def converted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Converted:
    """A small model in PyTorch, as a float Core ML program, and its stored weights; its
    position table is longer than the program's inputs."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    config = DistilBertConfig(
        vocab_size=300, dim=64, n_layers=1, n_heads=2, hidden_dim=128,
        max_position_embeddings=64, initializer_range=0.3,
    )  # fmt: skip
    made = DistilBertForQuestionAnswering(config)
    # Words that go together, as those of a language do.
    words = 0.3 * torch.randn(300, 8) @ torch.randn(8, 64)
    made.distilbert.embeddings.word_embeddings.weight.data = words
    made.save_pretrained(folder)
    checkpoint = load_checkpoint(str(folder))
    model = build_encoder(checkpoint, "qa", request.param).eval()
    core_ml = convert(model, checkpoint, "qa", (LENGTH,), "iOS18", "fixed")
    constants = constants_by_weight(core_ml, model)
    return (
        model,
        core_ml,
        constants,
        stored_weights(core_ml, constants, formats_for("iOS18"), "iOS18"),
    )


def inputs(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(0, 300, (1, LENGTH), generator=torch.manual_seed(seed)).int()
    return ids, torch.ones_like(ids)


def test_every_matrix_is_found_by_its_values(converted: Converted) -> None:
    """In layout ane the constants have no names that say it; the head is too small to count."""
    _, _, constants, _ = converted
    assert set(constants) == WEIGHTS
    assert len(set(constants.values())) == len(constants)


def test_stored_weights_are_those_that_the_package_computes_with(
    converted: Converted,
) -> None:
    """The simulator on a package of mixed formats equals PyTorch with the weights read back."""
    model, core_ml, constants, stored = converted
    choice = {
        "encoder.word_embeddings.weight": "lut3",
        "encoder.position_embeddings.weight": "lut6",
        "encoder.layers.0.up.weight": "int4",
        "encoder.layers.0.down.weight": "int8",
        "encoder.layers.0.key.weight": "lut4",
    }
    ids, mask = inputs()
    with torch.inference_mode():
        plain = model(ids, mask)[0].numpy()
        with stored_as(model, stored, choice):
            expected = model(ids, mask)[0].numpy()
        assert np.array_equal(model(ids, mask)[0].numpy(), plain), "the model is as it was"
    package = compress_by_choice(core_ml, constants, stored, choice, "iOS18")
    found = Simulator(package, precision="float32").predict(
        {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    )["start_logits"]
    scale = np.abs(expected).max()
    assert np.abs(np.asarray(found) - expected).max() < 2e-3 * scale
    assert np.abs(plain - expected).max() > 2e-2 * scale, "the formats change the outputs"


def test_fitted_palettes_lose_less_at_the_same_size(converted: Converted, tmp_path: Path) -> None:
    """On inputs that they were not fitted to, against palettes as `coremltools` chooses them; the
    tables stay as they are."""
    model, core_ml, constants, _ = converted
    tables = [constant for weight, constant in constants.items() if "embeddings" in weight]
    spread = [inputs(seed) for seed in range(2, 60)]
    fitted = compress_fitted(core_ml, model, "lut4", "iOS18", spread, tables)
    plain = compress_weights(core_ml, "lut4", "iOS18", tables)
    errors, sizes = [], []
    for number, package in enumerate((fitted, plain)):
        runner = Simulator(package, precision="float32")
        error = 0.0
        for seed in range(100, 110):
            ids, mask = inputs(seed)
            with torch.inference_mode():
                expected = model(ids, mask)[0].numpy()
            given = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
            error += float(np.square(runner.predict(given)["start_logits"] - expected).mean())
        errors.append(error)
        package.save(str(tmp_path / f"{number}.mlpackage"))
        sizes.append(next((tmp_path / f"{number}.mlpackage").rglob("weight.bin")).stat().st_size)
    assert errors[0] < 0.8 * errors[1]
    assert sizes[0] == sizes[1]


def test_bytes_are_those_of_the_written_package(converted: Converted, tmp_path: Any) -> None:
    _, core_ml, constants, stored = converted

    def written(choice: Mapping[str, str], name: str) -> int:
        compress_by_choice(core_ml, constants, stored, choice, "iOS18").save(str(tmp_path / name))
        return int(next((tmp_path / name).rglob("weight.bin")).stat().st_size)

    whole = written({}, "whole.mlpackage")
    for quantize in formats_for("iOS18"):
        choice = dict.fromkeys(constants, quantize)
        saved = whole - written(choice, f"{quantize}.mlpackage")
        estimated = weight_bytes(sizes_of(stored), {}) - weight_bytes(sizes_of(stored), choice)
        # A file of weights has 64 bytes beside each constant, and this model is small.
        assert saved == pytest.approx(estimated, abs=len(constants) * 3 * 64)


def test_errors_grow_as_bits_fall(converted: Converted) -> None:
    model, _, _, stored = converted
    errors = errors_alone(model, stored, [inputs()] * 24)
    assert {weight for weight, _ in errors} == WEIGHTS
    assert all(errors[weight, HALF] < 1e-12 + errors[weight, "int8"] for weight in WEIGHTS)
    assert all(errors[weight, "int8"] < errors[weight, "int4"] for weight in WEIGHTS)


def test_errors_are_those_that_outputs_show(converted: Converted) -> None:
    """Small changes, measured one by one, against their estimate from many backward passes."""
    model, _, _, stored = converted
    errors = errors_alone(model, stored, [inputs()] * 150)
    with torch.inference_mode():
        plain = torch.cat(model(*inputs()))
        for weight in WEIGHTS:
            with stored_as(model, stored, {weight: "int8"}):
                changed = torch.cat(model(*inputs()))
            measured = (changed - plain).square().mean().item()
            assert errors[weight, "int8"] == pytest.approx(measured, rel=0.5), weight


def test_formats_are_those_that_a_target_holds() -> None:
    assert formats_for("iOS17") == ("int8", "lut6", "lut4")
    assert set(formats_for("iOS18")) == {"int8", "lut6", "lut4", "int4", "lut3"}


ELEMENTS = {"table": 10_000, "wide": 4_000, "narrow": 1_000}
SIZES = {
    (weight, quantize): count * bits // 8
    for weight, count in ELEMENTS.items()
    for quantize, bits in ((HALF, 16), ("int8", 8), ("lut4", 4))
}
ERRORS = {
    ("table", "int8"): 0.1, ("table", "lut4"): 9.0,
    ("wide", "int8"): 0.2, ("wide", "lut4"): 0.5,
    ("narrow", "int8"): 0.3, ("narrow", "lut4"): 0.4,
}  # fmt: skip
HALVES = {(weight, HALF): 0.0 for weight in ELEMENTS}


def test_path_takes_the_cheapest_step_each_time() -> None:
    """Each package is the best of all choices of its size."""
    choices = path(SIZES, ERRORS)
    assert choices[0] == {} and choices[-1] == dict.fromkeys(ELEMENTS, "lut4")
    sizes = [weight_bytes(SIZES, choice) for choice in choices]
    assert sizes == sorted(sizes, reverse=True)
    every = [
        {name: value for name, value in zip(ELEMENTS, values, strict=True) if value != HALF}
        for values in itertools.product((HALF, "int8", "lut4"), repeat=3)
    ]

    def total(choice: Mapping[str, str]) -> float:
        return sum(ERRORS[step] for step in choice.items())

    for choice, size in zip(choices, sizes, strict=True):
        equal = [other for other in every if weight_bytes(SIZES, other) == size]
        assert total(choice) == pytest.approx(min(map(total, equal)))


def test_spend_puts_bytes_where_they_save_most_error() -> None:
    smallest = dict.fromkeys(ELEMENTS, "lut4")
    assert spend(smallest, 400, SIZES, ERRORS | HALVES) == smallest, "no step is so small"
    spent = spend(smallest, 7_000, SIZES, ERRORS | HALVES)
    assert spent == smallest | {"table": "int8", "narrow": HALF}
    whole = spend(smallest, 10**6, SIZES, ERRORS | HALVES)
    assert whole == dict.fromkeys(ELEMENTS, HALF)
