"""Sound packages pass the gate whatever their head; a package with one wrong layer does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from distill.console.errors import UserError
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder
from export.proof.gate import Proof, cut, prove, refuse
from export.proof.rounding import rounded_outputs
from export.proof.witness import Witness, load_witness
from export.tasks.model_inputs import Inputs, padded
from export.tasks.task import Outputs

HEADS = [(labels, seed) for labels in (1, 2, 4, 28) for seed in range(5)]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    def make(labels: int, seed: int) -> Path:
        torch.manual_seed(seed)
        config = transformers.BertConfig(
            vocab_size=2000,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            num_labels=labels,
        )
        directory = tmp_path_factory.mktemp("head")
        transformers.BertForSequenceClassification(config).save_pretrained(directory)
        return directory

    return make


def inputs() -> list[Inputs]:
    """Padded and whole, of several lengths."""
    generator = np.random.default_rng(0)
    sizes = [(3, 16), (16, 16), (20, 32), (32, 32), (7, 32), (50, 64)]
    return [padded(generator.integers(999, 2000, n).tolist(), [0] * n, to) for n, to in sizes]


class HalfEncoder:
    """The kit's own encoder in half precision, as a package computes; bit for bit the simulator on
    a layer."""

    def __init__(self, folder: Path, spoil: Callable[[torch.nn.Module], object]) -> None:
        self.model = build_encoder(load_checkpoint(str(folder)), "classify")
        with torch.no_grad():
            spoil(self.model)
        self.model.half()

    def predict(self, given: Inputs) -> Outputs:
        names = ("input_ids", "attention_mask", "token_type_ids")
        (logits,) = self.model(*(torch.from_numpy(given[name]) for name in names))
        return {"logits": logits.float().numpy()}


def proof_of(folder: Path, spoil: Callable[[torch.nn.Module], object]) -> Proof:
    witness, _ = load_witness(load_checkpoint(str(folder)), "classify")
    given = inputs()
    expected = [cut(witness.predict(each), each, witness.task) for each in given]
    package = HalfEncoder(folder, spoil)
    return prove(witness, "none", given, expected, [package.predict(each) for each in given], 0)


def wrong_bias(model: torch.nn.Module) -> None:
    model.encoder.layers[1].output_norm.bias += 0.05


def weight_of_another_layer(model: torch.nn.Module) -> None:
    model.encoder.layers[0].down.weight.copy_(model.encoder.layers[1].down.weight)


def late_positions(model: torch.nn.Module) -> None:
    weight = model.encoder.position_embeddings.weight
    weight.copy_(weight.roll(-1, 0).clone())


def no_segments(model: torch.nn.Module) -> None:
    model.encoder.token_type_embeddings.weight.zero_()


FAULTS = (wrong_bias, weight_of_another_layer, late_positions, no_segments)
"""Larger than the rounding of half precision. Weights as they are drawn leave layers close to the
identity: two of them swapped differ by less than that, and no bound on the outputs tells."""


@pytest.mark.parametrize(("labels", "seed"), HEADS)
def test_sound_head_passes_and_one_wrong_layer_does_not(
    labels: int, seed: int, folder_of: Callable[[int, int], Path]
) -> None:
    folder = folder_of(labels, seed)
    sound = proof_of(folder, lambda model: None)
    assert sound.passed, sound
    assert sound.sentence().startswith("Within tolerance of transformers")
    refuse(sound)
    for spoil in FAULTS:
        spoiled = proof_of(folder, spoil)
        assert not spoiled.passed, spoiled
        with pytest.raises(UserError, match="Not within tolerance"):
            refuse(spoiled)


@pytest.mark.parametrize("quantize", ["int8", "int4", "lut4", "w8a8"])
def test_fewer_bits_have_a_bound_of_their_own(
    quantize: str, folder_of: Callable[[int, int], Path]
) -> None:
    """Rounded weights are further off than half precision, the more the fewer bits."""
    witness, _ = load_witness(load_checkpoint(str(folder_of(4, 0))), "classify")
    given = inputs()
    expected = np.concatenate([witness.predict(each)["logits"] for each in given])

    def error(kind: str) -> float:
        draws = rounded_outputs(witness, kind, given)
        rows = [np.concatenate([row["logits"] for row in draw]) for draw in draws]
        return float(np.sqrt(np.mean([np.square(row - expected).mean() for row in rows])))

    assert error(quantize) > 2 * error("none")


def test_a_witness_accounts_for_every_key(folder_of: Callable[[int, int], Path]) -> None:
    with pytest.raises(UserError, match="qa_outputs"):
        load_witness(load_checkpoint(str(folder_of(2, 0))), "qa")


def test_presets_without_weights_have_a_witness() -> None:
    checkpoint = load_checkpoint("qa-mini", random_weights=True)
    witness, drawn = load_witness(checkpoint, "qa")
    assert witness.name.startswith("transformers")
    (given,) = [padded([101, 1999, 102], [0, 0, 1], 8)]
    expected = witness.predict(given)["start_logits"]
    model = build_encoder(drawn, "qa")
    start, _ = model(
        torch.from_numpy(given["input_ids"]), torch.from_numpy(given["attention_mask"])
    )
    np.testing.assert_allclose(start.numpy(), expected, atol=1e-5)


@pytest.fixture
def witness(minilm_directory: Path) -> Iterator[Witness]:
    yield load_witness(load_checkpoint("minilm"), "embed")[0]


def test_sentence_transformers_is_the_witness_of_its_folders(witness: Witness) -> None:
    pytest.importorskip("sentence_transformers")
    assert witness.name.startswith("sentence-transformers")


def test_another_tokenizer_is_named_with_its_text(witness: Witness, minilm_directory: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    assert witness.check_ids([("Ein Fluß", None), ("one", "two")], tokenizer) == 2
    tokenizer.normalizer = None
    with pytest.raises(UserError, match="reads 'Ferry' in"):
        witness.check_ids([("Ferry", None)], tokenizer)
