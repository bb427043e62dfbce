"""Numbers of config.json that Python would take for others."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoConfig, BertConfig

from distill.console.errors import UserError
from distill.families.table import FAMILIES
from export.checkpoint.configuration import encoder_config
from tests.export.tiny_models import NEEDED

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


WRONG: tuple[Any, ...] = (True, 7, -1, 2.5, float("nan"), "2", "true", [2], {"a": 1}, 10**400)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_configuration_of_another_kind_is_refused_for_each_entry(name: str) -> None:
    """What is taken as it is has the kind of the entry."""
    stored = AutoConfig.for_model(name).to_dict() | NEEDED.get(name, {})
    encoder_config(stored, "tiny")
    for key in FAMILIES[name].config_keys.values():
        kind = type(stored.get(key))
        for value in (each for each in WRONG if type(each) is not kind and kind is not type(None)):
            if (kind, type(value)) == (float, int) or key == "pos_att_type":
                continue
            with pytest.raises(UserError, match=f"tiny: {key} .* (is not|is not supported)"):
                encoder_config({**stored, key: value}, "tiny")


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("modernbert", "global_attn_every_n_layers", 0),
        ("modernbert", "rope_parameters", {"full_attention": {"rope_theta": "x"}}),
        ("modernbert", "rope_parameters", [1]),
        ("modernbert", "layer_types", [[]]),
        ("albert", "num_hidden_groups", 0),
        ("mobilebert", "num_feedforward_networks", 10**9),
        ("mobilebert", "use_bottleneck", "false"),
        ("deberta-v2", "max_relative_positions", 10**9),
        ("deberta-v2", "pos_att_type", 3),
        ("bert", "num_hidden_layers", 10**6),
        ("bert", "layer_norm_eps", float("inf")),
        ("bert", "layer_norm_eps", 0),
    ],
)
def test_configuration_that_no_model_can_be_built_of_is_refused(
    name: str, key: str, value: Any
) -> None:
    stored = AutoConfig.for_model(name).to_dict() | NEEDED.get(name, {})
    with pytest.raises(UserError, match=f"tiny: {key} .* is not "):
        encoder_config({**stored, key: value}, "tiny")
