from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.runtimes.arithmetic import Part, Roof, elmo_parts, encoder_parts, totals
from bench.runtimes.contenders import open_model
from bench.runtimes.elmo import parameter_count
from export.encoder.task_model import build_encoder


@pytest.mark.parametrize("name", ["bert", "distilbert", "qa-mini"])
def test_weights_are_those_of_the_model(name: str) -> None:
    checkpoint = open_model(name).checkpoint
    assert checkpoint is not None
    model = build_encoder(replace(checkpoint, weights=None), "embed")
    _, weights, _ = totals(encoder_parts(checkpoint.config, 128), "float32")
    assert weights == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("length", [16, 100])
def test_products_are_those_that_pytorch_counts(length: int) -> None:
    checkpoint = open_model("qa-mini").checkpoint
    assert checkpoint is not None
    model = build_encoder(checkpoint, "embed")
    ids = torch.ones((1, length), dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model(ids, ids)
    parts = encoder_parts(checkpoint.config, length)
    products = sum(
        part.count * part.flops
        for part in parts
        if part.product or part.name in ("attention scores", "attention mix")
    )
    assert products == counter.get_total_flops()


def test_elmos_weights_are_those_of_the_model() -> None:
    _, weights, _ = totals(elmo_parts(10), "float32")
    assert weights == parameter_count()


def test_bytes_follow_the_precision() -> None:
    part = Part("linear", 1, 100, weights=1000, activations=10)
    assert part.bytes("float32") == 4040
    assert part.bytes("float16") == 2020
    assert part.bytes("int8") == 1040


def test_only_the_looked_up_rows_of_the_table_move() -> None:
    checkpoint = open_model("distilbert").checkpoint
    assert checkpoint is not None
    table = encoder_parts(checkpoint.config, 128)[0]
    assert table.bytes("float32") < 0.02 * 4 * table.weights


def test_the_roof_is_the_longer_of_computing_and_moving() -> None:
    roof = Roof(products=100, rest=10, bandwidth=1)
    assert roof.seconds(Part("a", 1, 2e9, 0, 0), "float32") == pytest.approx(0.02)
    assert roof.seconds(Part("a", 1, 2e9, 0, 0, product=False), "float32") == pytest.approx(0.2)
    assert roof.seconds(Part("a", 1, 2e9, 1e9, 0), "float32") == pytest.approx(4)


def test_a_student_of_half_the_layers_has_half_the_arithmetic() -> None:
    flops = []
    for name in ("bert", "distilbert"):
        checkpoint = open_model(name).checkpoint
        assert checkpoint is not None
        flops.append(totals(encoder_parts(checkpoint.config, 128), "float32")[0])
    assert flops[0] / flops[1] == pytest.approx(2, rel=0.01)
