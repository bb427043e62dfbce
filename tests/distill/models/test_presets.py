"""Presets are the published architectures, and the real weights agree with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.models.presets import PRESETS, default_model, preset_directory


def test_minilm_weights_have_the_preset_architecture(minilm_directory: Path) -> None:
    published = json.loads((minilm_directory / "config.json").read_text())
    for key, value in PRESETS["minilm"].config.items():
        assert published[key] == value, key


@pytest.mark.parametrize(("name", "millions"), [("bert", 109), ("distilbert", 66)])
def test_presets_have_the_published_numbers_of_parameters(name: str, millions: int) -> None:
    import torch
    from transformers import AutoConfig, AutoModel

    config = dict(PRESETS[name].config)
    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.for_model(config.pop("model_type"), **config))
    assert round(model.num_parameters() / 1e6) == millions


def test_architectures_without_weights_have_no_directory() -> None:
    assert preset_directory("bert") is None
    with pytest.raises(KeyError):
        preset_directory("nosuch")


def test_the_default_model_has_weights() -> None:
    assert default_model() in {"qa-mini", "minilm"}
