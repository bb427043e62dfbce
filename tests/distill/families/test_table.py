"""The records of model types hold what `transformers` does (distill/families)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
import transformers

from distill.console.errors import UserError
from distill.families.bert import BERT
from distill.families.family import Family
from distill.families.table import FAMILIES, family_of, table
from tests.export.tiny_models import NEEDED

LENGTH = 7
EXTRA = 3
"""Parts of a layer that MobileBERT has again beside the first, by default."""
CLASSES = {
    "mlm": transformers.AutoModelForMaskedLM,
    "qa": transformers.AutoModelForQuestionAnswering,
    "classify": transformers.AutoModelForSequenceClassification,
    "tokens": transformers.AutoModelForTokenClassification,
}


def small_config(family: Family) -> transformers.PretrainedConfig:
    """The least configuration of a model type, by the record's own keys."""
    sizes = {"layers": 2, "width": 16, "heads": 2, "intermediate": 24, "vocabulary": 40}
    sizes |= {"positions": LENGTH + 3, "embedding_width": 8}
    named = {
        family.config_keys[word]: size for word, size in sizes.items() if word in family.config_keys
    }
    needed = NEEDED.get(family.model_type, {})
    return transformers.AutoConfig.for_model(family.model_type, **named, **needed)


def test_a_second_registration_is_an_error() -> None:
    with pytest.raises(ValueError, match="'bert' is registered twice"):
        table((BERT, replace(BERT, prefix="other.")))


def test_a_part_that_is_joined_with_another_is_named() -> None:
    """Relations and pruning need queries and feed-forward units in modules of their own."""
    assert FAMILIES["albert"].part("up") == "ffn"
    for part in ("query", "up"):
        with pytest.raises(UserError, match=f"a modernbert has no module for {part} alone"):
            FAMILIES["modernbert"].part(part)


def test_an_unknown_model_type_is_refused_by_name() -> None:
    for model_type in ("gpt2", None, ["bert"]):
        with pytest.raises(UserError, match="is not supported"):
            family_of(model_type, "model")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_names_are_those_of_transformers(family: Family) -> None:
    """Every weight of a model with a head has a place in the record, and the other way round."""
    config = small_config(family)
    for task, kind in CLASSES.items():
        if task not in family.heads:
            continue
        weights = kind.from_config(config).state_dict()
        modules = (name.removeprefix(family.prefix).rpartition(".")[0] for name in weights)
        # All layers are called alike.
        stored = {re.sub(rf"^({re.escape(family.layer)})\.\d+", r"\1.0", name) for name in modules}
        head = family.heads[task]
        named = {*family.embeddings.values(), *head.parts.values()}
        named |= {f"{family.layer}.0.{part}" for part in family.layer_parts.values()}
        named |= {
            f"{family.layer}.0.{part.format(index)}"
            for part in family.repeated_parts.values()
            for index in range(EXTRA)
        }
        named |= {source.rpartition(".")[0] for source in head.tied.values()}
        assert stored <= named
        assert named <= stored


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_defaults_are_those_of_transformers(family: Family) -> None:
    config = transformers.AutoConfig.for_model(family.model_type)
    for word, value in family.defaults.items():
        # None: `transformers` works it out from others.
        key = family.config_keys.get(word, "")
        if value is not None and hasattr(config, key):
            assert getattr(config, family.config_keys[word]) == value, word
    assert all(hasattr(config, name) for name in family.dropouts)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_the_longest_input_is_that_of_transformers(family: Family) -> None:
    config = small_config(family)
    longest = family.longest(config.to_dict())
    model = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        model(torch.full((1, longest), 5))
        if "position_embeddings" in family.embeddings:
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.full((1, longest + 1), 5))
