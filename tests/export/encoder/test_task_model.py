"""The encoder equals `transformers` at every head, layout and length, with padding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from distill.console.errors import UserError
from export.checkpoint.reading import load_checkpoint
from export.encoder.layers import MASKED
from export.encoder.task_model import LAYOUTS, build_encoder, input_names

TASKS = ("qa", "classify", "mlm", "embed")
TOLERANCE = 1e-4


def reference_model(directory: Path) -> torch.nn.Module:
    import json

    import transformers

    name = json.loads((directory / "config.json").read_text())["architectures"][0]
    model: torch.nn.Module = getattr(transformers, name).from_pretrained(directory).eval()
    return model


def reference_outputs(model: torch.nn.Module, task: str, batch: dict) -> list[torch.Tensor]:
    with torch.no_grad():
        output = model(**batch)
    if task == "qa":
        return [output.start_logits, output.end_logits]
    if task != "embed":
        return [output.logits]
    mask = batch["attention_mask"][:, :, None]
    mean = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
    return [torch.nn.functional.normalize(mean, dim=1)]


@pytest.mark.parametrize("model_type", ["bert", "distilbert"])
@pytest.mark.parametrize("task", TASKS)
def test_equals_transformers(
    model_type: str,
    task: str,
    checkpoint_directory: Callable[[str, str], Path],
    qa_examples: list[dict[str, str]],
) -> None:
    directory = checkpoint_directory(model_type, task)
    checkpoint = load_checkpoint(str(directory))
    names = input_names(checkpoint.config, task)
    texts = [example["question"] for example in qa_examples]
    second = [example["passage"] for example in qa_examples] if task in ("qa", "classify") else None
    tokenizer = AutoTokenizer.from_pretrained(directory)
    reference = reference_model(directory)
    models = {layout: build_encoder(checkpoint, task, layout) for layout in LAYOUTS}
    longest = 128 if task == "mlm" else 512  # a row of 30,522 logits for each token
    for length, count in ((8, 3), (37, 2), (longest, 1)):
        batch = tokenizer(
            texts[:count],
            second[:count] if second else None,
            max_length=length,
            truncation="longest_first",
            padding="max_length",
            return_tensors="pt",
        )
        batch = {name: batch[name] for name in names}
        expected = reference_outputs(reference, task, batch)
        for layout, model in models.items():
            with torch.no_grad():
                found = model(*(batch[name] for name in names))
            for wanted, got in zip(expected, found, strict=True):
                assert wanted.shape == got.shape
                scale = wanted.abs().max().clamp(min=1.0)
                assert (wanted - got).abs().max() < TOLERANCE * scale, (layout, length)


def test_mask_fits_half_precision() -> None:
    assert torch.tensor(MASKED, dtype=torch.float16).isfinite()
    assert torch.exp(torch.tensor(MASKED)) == 0


def test_random_weights_repeat_with_their_seed() -> None:
    def first_weight(seed: int) -> torch.Tensor:
        checkpoint = load_checkpoint("qa-mini", random_weights=True, seed=seed)
        return build_encoder(checkpoint, "qa").encoder.layers[0].query.weight

    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))


def test_a_missing_head_is_named(minilm_directory: Path) -> None:
    with pytest.raises(UserError, match=r"no qa_outputs\.weight"):
        build_encoder(load_checkpoint(str(minilm_directory)), "qa")
