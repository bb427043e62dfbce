"""The MLM head is taken apart by the names in the records, for every model type."""

from __future__ import annotations

import pytest
import torch

from distill.console.errors import UserError
from distill.families.table import FAMILIES
from distill.training.distiller import MlmHead
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
