"""A package of few bits with one wrong layer does not pass, whatever its quantization."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DistilBertConfig, DistilBertForQuestionAnswering

from export.bundle.compress import compress_weights
from export.bundle.convert import convert
from export.checkpoint.reading import Checkpoint, load_checkpoint
from export.encoder.task_model import TaskModel, build_encoder
from export.proof.gate import Proof, cut, prove
from export.proof.read_back import with_stored_weights
from export.proof.witness import load_witness
from export.simulator import Simulator
from export.tasks.model_inputs import Inputs, padded
from tests.export.tiny_models import save_checkpoint

LENGTH = 32


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("two-layers")
    config = DistilBertConfig(
        vocab_size=300, dim=64, n_layers=2, n_heads=2, hidden_dim=128,
        max_position_embeddings=64, initializer_range=0.1,
    )  # fmt: skip
    DistilBertForQuestionAnswering(config).save_pretrained(folder)
    return load_checkpoint(str(folder))


def inputs(vocabulary: int) -> list[Inputs]:
    generator = torch.manual_seed(1)
    return [
        padded(torch.randint(5, vocabulary, (n,), generator=generator).tolist(), [0] * n, LENGTH)
        for n in (7, 20, LENGTH)
    ]


def converted(model: TaskModel, checkpoint: Checkpoint) -> Any:
    return convert(model, checkpoint, "qa", (LENGTH,), "iOS18", "fixed")


@pytest.fixture(scope="module")
def programs(checkpoint: Checkpoint) -> Callable[[str], tuple[Any, Any]]:
    """Layout -> the program of the checkpoint, and one whose first layer has a matrix of the
    second; both still in half precision, each made once."""

    @cache
    def make(layout: str) -> tuple[Any, Any]:
        model = build_encoder(checkpoint, "qa", layout)
        sound = converted(model, checkpoint)
        layers = dict(model.named_parameters())
        wrong = layers["encoder.layers.0.value.weight"], layers["encoder.layers.1.value.weight"]
        wrong[0].data = wrong[1].data.clone()
        return sound, converted(model, checkpoint)

    return make


def proof_of(checkpoint: Checkpoint, core_ml: Any, quantize: str, package: Path) -> Proof:
    """A program as a package in the simulator, against the checkpoint's library."""
    compress_weights(core_ml, quantize, "iOS18").save(str(package))
    witness, _ = load_witness(checkpoint, "qa")
    simulator = Simulator(package, precision="float16")
    given = inputs(min(checkpoint.config.vocabulary, 300))
    found = [
        dict(simulator.predict({name: each[name] for name in simulator.inputs})) for each in given
    ]
    expected = [cut(witness.predict(each), each, witness.task) for each in given]
    return prove(
        witness, quantize, given, expected,
        [cut(row, each, witness.task) for row, each in zip(found, given, strict=True)],
        texts=0, stored=with_stored_weights(witness, package),
    )  # fmt: skip


FORMATS = ("int8", "int4", "lut8", "lut6", "lut4", "lut3")


@pytest.mark.parametrize(
    ("quantize", "layout"),
    [
        ("int8", "standard"),
        *(pytest.param(q, "standard", marks=pytest.mark.slow) for q in FORMATS[1:]),
        pytest.param("lut4", "ane", marks=pytest.mark.slow),
    ],
)
def test_one_wrong_layer_does_not_pass(
    quantize: str,
    layout: str,
    checkpoint: Checkpoint,
    programs: Callable[[str], tuple[Any, Any]],
    tmp_path: Path,
) -> None:
    right, wrong = programs(layout)
    sound = proof_of(checkpoint, right, quantize, tmp_path / "sound.mlpackage")
    assert sound.stored_bound is not None and sound.passed, sound
    assert sound.stored_bound < 0.5 * sound.bound
    spoiled = proof_of(checkpoint, wrong, quantize, tmp_path / "wrong.mlpackage")
    assert not spoiled.passed
    assert spoiled.computes_otherwise, spoiled


@pytest.mark.slow
@pytest.mark.parametrize(("name", "quantize"), [("electra", "lut4"), ("deberta-v2", "int8")])
def test_a_model_too_small_to_be_rounded_is_off_by_half_precision(
    name: str, quantize: str, tmp_path: Path
) -> None:
    """Its few weights stay as they are: nothing of its error comes from the bits."""
    save_checkpoint(name, "qa", tmp_path / "tiny")
    tiny = load_checkpoint(str(tmp_path / "tiny"))
    model = build_encoder(tiny, "qa")
    sound = proof_of(tiny, converted(model, tiny), quantize, tmp_path / "sound.mlpackage")
    assert sound.passed, sound
    layers = dict(model.named_parameters())
    layers["encoder.layers.0.value.weight"].data = layers["encoder.layers.1.value.weight"].data
    spoiled = converted(model, tiny)
    assert not proof_of(tiny, spoiled, quantize, tmp_path / "wrong.mlpackage").passed
