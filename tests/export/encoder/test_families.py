"""Every family equals `transformers` with every task it has, at several lengths with padding: the
cells that `python -m export.support` prints, in every layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distill.console.errors import UserError
from distill.families.table import FAMILIES
from export.checkpoint.reading import load_checkpoint
from export.encoder.task_model import build_encoder, input_names
from export.proof.witness import read_outputs
from export.support import supports
from export.tasks.table import TASKS
from tests.export.tiny_models import SIZES, small_model

CASES: list[tuple[str, str, dict[str, Any]]] = [
    (name, task, {}) for name in FAMILIES for task in TASKS if supports(FAMILIES[name], task)
]
"""Model type, task, settings of config.json."""
VARIANTS: list[tuple[str, str, dict[str, Any]]] = [
    ("albert", "mlm", {"num_hidden_layers": 5, "num_hidden_groups": 2, "inner_group_num": 2}),
    ("albert", "features", {"embedding_size": 16, "hidden_act": "relu"}),
    ("modernbert", "classify", {"classifier_pooling": "mean", "classifier_activation": "relu"}),
    ("modernbert", "rank", {"classifier_pooling": "mean", "global_attn_every_n_layers": 2}),
    ("modernbert", "qa", {"norm_bias": True, "attention_bias": True, "mlp_bias": True}),
    ("modernbert", "tokens", {"classifier_bias": True, "global_rope_theta": 9e3}),
    ("modernbert", "mlm", {"decoder_bias": False, "tie_word_embeddings": False}),
    ("deberta-v2", "mlm", {"legacy": False, "embedding_size": 16, "position_biased_input": False}),
    ("deberta-v2", "qa", {"pos_att_type": "c2p", "share_att_key": True, "norm_rel_ebd": "none"}),
    ("deberta-v2", "tokens", {"pos_att_type": "p2c|c2p", "share_att_key": True}),
    ("deberta-v2", "features", {"pos_att_type": ["p2c"], "position_buckets": -1}),
    ("deberta-v2", "classify", {"max_relative_positions": 40, "pooler_hidden_act": "tanh"}),
    ("deberta-v2", "embed", {"position_buckets": -1, "max_relative_positions": 20}),
    ("deberta-v2", "rank", {"pos_att_type": None, "type_vocab_size": 1}),
    ("deberta-v2", "mlm", {"embedding_size": 16, "type_vocab_size": 0}),
    ("mobilebert", "classify", {"classifier_activation": False, "num_feedforward_networks": 1}),
    ("mobilebert", "qa", {"normalization_type": "layer_norm", "layer_norm_eps": 0.1}),
    ("mobilebert", "mlm", {"embedding_size": 16, "trigram_input": False}),
    ("mobilebert", "tokens", {"use_bottleneck": False, "trigram_input": False}),
    ("mobilebert", "features", {"use_bottleneck_attention": True}),
    (
        "mobilebert",
        "embed",
        {"use_bottleneck_attention": True, "key_query_shared_bottleneck": False},
    ),
]
"""What the configurations of a family may say besides its defaults."""
LENGTHS = (5, 140)
TOLERANCE = 1e-4


def padded_batch(length: int, padding: int) -> dict[str, torch.Tensor]:
    """Rows that are full, half full, and of two tokens."""
    ids = torch.randint(5, SIZES["vocabulary"], (3, length))
    mask = torch.ones_like(ids)
    for row, tokens in ((1, max(2, length // 2)), (2, 2)):
        mask[row, tokens:], ids[row, tokens:] = 0, padding
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": torch.randint(0, 2, ids.shape),
    }


@pytest.mark.parametrize(("name", "task", "settings"), [*CASES, *VARIANTS], ids=str)
def test_equals_transformers(
    name: str, task: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    reference = small_model(name, task, settings)
    reference.save_pretrained(tmp_path)
    checkpoint = load_checkpoint(str(tmp_path))
    names = input_names(checkpoint.config, task)
    layouts = checkpoint.config.family.layouts
    models = [build_encoder(checkpoint, task, layout) for layout in layouts]
    worst = 0.0
    for length in LENGTHS:
        batch = padded_batch(length, max(checkpoint.config.position_offset - 1, 0))
        mask, inputs = batch["attention_mask"], {each: batch[each] for each in names}
        with torch.no_grad():
            wanted = read_outputs(task, reference(**inputs), mask)
            for model in models:
                for expected, found in zip(wanted, model(*inputs.values()), strict=True):
                    assert expected.shape == found.shape
                    different = (expected - found).abs()
                    if TASKS[task].per_token:
                        different = different[mask.bool()]
                    worst = max(worst, float(different.max() / expected.abs().max()))
    print(f"{name} {task} {settings or ''}: largest relative difference {worst:.1e}")
    assert worst < TOLERANCE


REFUSED = [
    ("albert", {"num_hidden_groups": 4}, "4 groups of 1 layers for a depth of 3"),
    ("modernbert", {"rope_scaling": {"rope_type": "yarn"}}, "rope_scaling .* is not supported"),
    (
        "modernbert",
        {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2}}},
        "rope_type 'linear' is not supported",
    ),
    ("modernbert", {"layer_types": ["full_attention"]}, "expected 3 of full_attention, sliding"),
    ("modernbert", {"classifier_pooling": "max"}, "classifier_pooling 'max' is not supported"),
    ("modernbert", {"classifier_activation": "mish"}, "activation 'mish' is not supported"),
    ("modernbert", {"num_attention_heads": 16}, "heads of 1 channels cannot be rotated"),
    ("deberta-v2", {"relative_attention": False}, "relative_attention False is not supported"),
    ("deberta-v2", {"conv_kernel_size": 3}, "conv_kernel_size 3 is not supported"),
    ("mobilebert", {"normalization_type": "rms"}, "normalization_type 'rms' is not supported"),
    ("mobilebert", {"num_feedforward_networks": 0}, "networks 0 is not a whole number"),
    ("mobilebert", {"key_query_shared_bottleneck": False}, "needs use_bottleneck_attention"),
    ("mobilebert", {"intra_bottleneck_size": 10}, "width 10 does not divide by 4 heads"),
    ("deberta-v2", {"pos_att_type": ["p2p"]}, "pos_att_type 'p2p' is not supported"),
]
"""Model type, settings of config.json, what the refusal says."""


@pytest.mark.parametrize(("name", "settings", "message"), REFUSED, ids=str)
def test_settings_that_the_encoder_does_not_compute_are_refused_by_name(
    name: str, settings: dict[str, Any], message: str, tmp_path: Path, change_config: Any
) -> None:
    small_model(name, "classify", {}).save_pretrained(tmp_path)
    change_config(tmp_path, **settings)
    with pytest.raises(UserError, match=message):
        build_encoder(load_checkpoint(str(tmp_path)), "classify")


@pytest.mark.parametrize("name", [name for name in FAMILIES if "ane" not in FAMILIES[name].layouts])
def test_a_layout_that_the_attention_does_not_allow_is_refused(name: str, tmp_path: Path) -> None:
    small_model(name, "features", {}).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=f"layout ane is not supported for {name}"):
        build_encoder(load_checkpoint(str(tmp_path)), "features", "ane")
