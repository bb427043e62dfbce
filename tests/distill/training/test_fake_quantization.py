"""Rounding in training against what `coremltools` stores in a package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForQuestionAnswering, DistilBertConfig
from transformers import DistilBertForQuestionAnswering as Student

from export.bundle.compress import compress_weights
from export.bundle.convert import convert
from export.bundle.mixed_bits import constants_by_weight
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder

pytest.importorskip("torchao", reason="needs the extra `quantization`")

from distill.training.fake_quantization import FakeQuantization, WholeInput

LENGTH = 48
WIDTHS = (64, 72)  # a row of 72 has blocks of 24


def stored_values(core_ml: Any) -> dict[str, np.ndarray]:
    """Constant -> its values as a compressed package reads them back."""
    operations = core_ml._mil_program.functions["main"].operations
    return {
        op.name.removesuffix("_quantized"): np.asarray(op.materialized_val_inference(), np.float32)
        for op in operations
        if op.op_type.startswith("constexpr_")
    }


@pytest.mark.parametrize("width", WIDTHS)
def test_rounded_weights_are_those_that_a_package_stores(width: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=300, dim=width, n_layers=1, n_heads=2, hidden_dim=128,
        max_position_embeddings=LENGTH, initializer_range=0.3,
    )  # fmt: skip
    Student(config).half().save_pretrained(tmp_path)
    checkpoint = load_checkpoint(str(tmp_path))
    model = build_encoder(checkpoint, "qa", "standard").eval()
    core_ml = convert(model, checkpoint, "qa", (LENGTH,), "iOS18", "fixed")
    constants = constants_by_weight(core_ml, model)
    for quantize in ("int8", "int4"):
        stored = stored_values(compress_weights(core_ml, quantize, "iOS18"))
        rounding = FakeQuantization(model, quantize)
        assert len(rounding) == len(stored) == len(constants)  # the same matrices, no more
        for name, constant in constants.items():
            module = model.get_submodule(name.removesuffix(".weight"))
            with torch.no_grad():
                if isinstance(module, nn.Embedding):
                    rounded = module(torch.arange(module.num_embeddings))
                else:
                    rounded = module.weight_fake_quantizer(module.weight)
            expected = stored[constant]
            step = np.abs(expected).max() / (7 if quantize == "int4" else 127)
            # The package's scales are halves, so that a weight between two steps may go the other
            # way; with scales of -8 to 7 nearly all would be off.
            off = np.abs(rounded.numpy() - expected) > 0.1 * step
            assert off.mean() < 0.05, (name, quantize)
        rounding.remove()


def small_bert() -> BertForQuestionAnswering:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=200, hidden_size=64, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, initializer_range=0.3,
    )  # fmt: skip
    return BertForQuestionAnswering(config).eval()


@pytest.mark.parametrize("quantize", ["int8", "int4", "w8a8"])
def test_model_is_plain_before_and_after_and_its_own_weights_learn(quantize: str) -> None:
    model, ids = small_bert(), torch.randint(0, 200, (2, 16), generator=torch.manual_seed(1))
    names, parameters = set(model.state_dict()), list(model.parameters())
    plain = model(ids).start_logits.detach()
    rounding = FakeQuantization(model, quantize)
    assert set(model.state_dict()) == names
    rounded = model(ids).start_logits
    assert not torch.allclose(rounded, plain, atol=1e-4)
    rounded.square().sum().backward()
    query = model.bert.encoder.layer[0].attention.self.query
    assert query.weight.grad.abs().sum() > 0
    assert model.bert.embeddings.word_embeddings.weight.grad[ids.unique()].abs().sum() > 0
    rounding.remove()
    assert all(type(module).__module__ != "torchao" for module in model.modules())
    assert [id(p) for p in model.parameters()] == [id(p) for p in parameters]
    assert torch.equal(model(ids).start_logits, plain)


def test_inputs_of_products_have_256_steps_of_one_range() -> None:
    values = torch.randn(3, 50, 64, generator=torch.manual_seed(0)) * 4 + 1
    rounded = WholeInput()(values)
    step = float(values.max() - values.min()) / 255
    assert len(rounded.unique()) <= 256
    assert (rounded - values).abs().max() < 0.51 * step
    # An independent witness: PyTorch's own operator.
    zero = round(-128 - float(values.min()) / step)
    expected = torch.fake_quantize_per_tensor_affine(values, step, zero, -128, 127)
    # A value in the middle of two steps goes to either.
    off = (rounded - expected).abs()
    assert off.max() < 1.01 * step and (off > 1e-4).float().mean() < 1e-3
