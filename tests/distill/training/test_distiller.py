"""The MLM head is taken apart by the names in the records, for every model type."""

from __future__ import annotations

import pytest
import torch

from distill.console.errors import UserError
from distill.families.table import FAMILIES
from distill.losses.triple import TripleWeights
from distill.training.distiller import Distiller, MlmHead
from tests.export.tiny_models import small_model

SPLIT = ("mobilebert",)
"""Whose output is not one matrix."""


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in SPLIT])
def test_parts_of_the_mlm_head_give_the_logits_of_transformers(name: str) -> None:
    model = small_model(name, "mlm", {})
    head = MlmHead(model)
    ids = torch.randint(5, 60, (2, 9))
    with torch.no_grad():
        hidden = model.base_model(ids).last_hidden_state
        expected, found = model(ids).logits, head.decoder(head.transform(hidden))
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mobilebert", {}, "not one matrix with a bias"),
        ("modernbert", {"decoder_bias": False}, "not one matrix with a bias"),
        ("deberta-v2", {"legacy": False, "embedding_size": 16}, "not one matrix with a bias"),
    ],
)
def test_an_mlm_head_of_another_make_is_refused(
    name: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        MlmHead(small_model(name, "mlm", settings))


def test_a_model_without_an_mlm_head_is_refused() -> None:
    with pytest.raises(UserError, match="BertModel has no MLM head"):
        MlmHead(small_model("bert", "features", {}))


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in SPLIT])
@pytest.mark.parametrize("padding", [0, 3])
def test_the_masked_loss_is_that_of_transformers(name: str, padding: int) -> None:
    """With padding, and without it, when models are given no mask."""
    model = small_model(name, "mlm", {}).eval()
    ids = torch.randint(5, 60, (2, 9))
    mask, labels = torch.ones_like(ids), ids.clone()
    mask[1, 9 - padding :], labels[1, 9 - padding :] = 0, -100
    with torch.no_grad():
        found = Distiller(model, None, TripleWeights())(ids, mask, labels)["loss"]
        expected = model(ids, mask, labels=labels).loss
    torch.testing.assert_close(found, expected * TripleWeights().masked)


def test_compiled_layers_and_loss_give_the_gradients_of_plain_ones() -> None:
    """Without code generation, which needs a C++ compiler: what is traced, and where."""
    teacher, student = (small_model("bert", "mlm", {}).eval() for _ in range(2))
    ids = torch.randint(5, 60, (2, 9))
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}
    names, gradients = student.state_dict().keys(), []
    for compiled in (False, True):
        distiller = Distiller(student, teacher, TripleWeights())
        if compiled:
            distiller.compile(backend="eager", fullgraph=True)
        distiller(**batch)["loss"].backward()
        gradients.append([each.grad.clone() for each in student.parameters()])
        student.zero_grad(set_to_none=True)
    torch.testing.assert_close(*gradients)
    assert student.state_dict().keys() == names
