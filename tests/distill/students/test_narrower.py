"""A narrower student is a slice of its model: what counts stays, what does not count goes."""

from __future__ import annotations

import torch
from transformers import DistilBertConfig, DistilBertForMaskedLM

from distill.students.narrower import narrowed


def model() -> DistilBertForMaskedLM:
    torch.manual_seed(0)
    config = DistilBertConfig(
        vocab_size=60, dim=16, n_layers=2, n_heads=4, hidden_dim=24, max_position_embeddings=20,
        initializer_range=0.3,
    )  # fmt: skip
    found = DistilBertForMaskedLM(config).eval()
    for parameter in found.parameters():
        if parameter.ndim == 1:
            parameter.data.add_(0.2 * torch.randn_like(parameter))
    return found


def logits(found: DistilBertForMaskedLM) -> torch.Tensor:
    with torch.no_grad():
        return found.eval()(torch.arange(2, 14)[None]).logits


def test_units_that_do_nothing_go_first() -> None:
    wide = model()
    for layer in wide.distilbert.transformer.layer:
        layer.ffn.lin2.weight.data[:, [3, 7, 11]] = 0
    narrow = narrowed(wide, 16, units=21)
    assert narrow.config.hidden_dim == 21
    torch.testing.assert_close(logits(narrow), logits(wide))


def test_heads_that_do_nothing_go_first_with_the_dimensions_that_nothing_reads() -> None:
    wide = model()
    dead = [2, 5, 8, 13]
    for layer in wide.distilbert.transformer.layer:
        layer.attention.out_lin.weight.data[:, 4:8] = 0  # the second of four heads
        for reader in (layer.attention.q_lin, layer.attention.k_lin, layer.attention.v_lin):
            reader.weight.data[:, dead] *= 1e-3
        layer.ffn.lin1.weight.data[:, dead] *= 1e-3
    narrow = narrowed(wide, 12, units=24)
    kept = [n for n in range(16) if n not in dead]
    rows = [*range(4), *range(8, 16)]
    for old, new in zip(
        wide.distilbert.transformer.layer, narrow.distilbert.transformer.layer, strict=True
    ):
        for name in ("q_lin", "k_lin", "v_lin"):
            before = getattr(old.attention, name).weight[rows]
            assert torch.equal(getattr(new.attention, name).weight, before[:, kept])
        output = old.attention.out_lin.weight[kept]
        assert torch.equal(new.attention.out_lin.weight, output[:, rows])
        assert torch.equal(new.ffn.lin2.weight, old.ffn.lin2.weight[kept])
    words = wide.distilbert.embeddings.word_embeddings.weight
    assert torch.equal(narrow.distilbert.embeddings.word_embeddings.weight, words[:, kept])
    assert narrow.vocab_projector.weight is narrow.distilbert.embeddings.word_embeddings.weight


def test_mean_of_what_is_gone_goes_into_the_biases() -> None:
    """A dimension that its norm holds at its bias is read as a constant."""
    wide = model()
    norm = wide.distilbert.embeddings.LayerNorm
    norm.weight.data[5], norm.bias.data[5] = 0.0, 3.0
    for layer in wide.distilbert.transformer.layer:
        for each in (layer.sa_layer_norm, layer.output_layer_norm):
            each.weight.data[5] = 0.0
    narrow = narrowed(wide, 12, units=24)
    old, new = (m.distilbert.transformer.layer[0].attention.q_lin for m in (wide, narrow))
    words, fewer = (m.distilbert.embeddings.word_embeddings.weight for m in (wide, narrow))
    kept = [int((words == column[:, None]).all(0).nonzero()) for column in fewer.T]
    gone = [n for n in range(16) if n not in kept]
    assert 5 in gone
    heads = [int((old.weight[:, kept] == row).all(1).nonzero()) for row in new.weight]
    expected = old.bias[heads] + old.weight[heads][:, gone] @ norm.bias[gone]
    torch.testing.assert_close(new.bias, expected)
