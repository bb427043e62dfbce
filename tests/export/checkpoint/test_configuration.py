"""Numbers of config.json that Python would take for others."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import BertConfig

from distill.console.errors import UserError
from export.checkpoint.configuration import encoder_config

KEYS = (
    *("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"),
    *("vocab_size", "max_position_embeddings", "type_vocab_size", "num_labels"),
)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [True, 2.0, "2", [2], float("inf")])
def test_configuration_counts_in_whole_numbers(key: str, value: Any) -> None:
    stored = {"model_type": "bert", **BertConfig().to_dict()}
    encoder_config(stored, "tiny")
    with pytest.raises(UserError, match=f"tiny: {key} .* is not a whole number"):
        encoder_config({**stored, key: value}, "tiny")
