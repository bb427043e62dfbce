"""Embeddings are those of `sentence-transformers`, or the module is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from distill.console.errors import UserError
from export.checkpoint.reading import load_checkpoint
from export.checkpoint.sentence_modules import OLD_MODES, POOLING_MODES
from export.encoder.heads import POOLINGS
from export.encoder.task_model import build_encoder
from tests.export.conftest import WIDTH

sentence_transformers = pytest.importorskip("sentence_transformers")
modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
TEXTS = ["a", "The ferry first crossed the strait in May 1907, with a piano."]


@pytest.fixture(scope="module")
def encoder(checkpoint_directory: Callable[[str, str], Path]) -> Any:
    return modules.Transformer(str(checkpoint_directory("distilbert", "embed")))


def compare(parts: list[Any], folder: Path) -> None:
    model = sentence_transformers.SentenceTransformer(modules=parts, device="cpu")
    model.save(str(folder))
    check(model, folder)


def check(model: Any, folder: Path) -> None:
    ours = build_encoder(load_checkpoint(str(folder)), "embed")
    batch = model.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = ours(batch["input_ids"], batch["attention_mask"])[0]
    expected = torch.from_numpy(model.encode(TEXTS))
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mode", [*POOLING_MODES, ("cls", "mean")], ids=str)
def test_every_pooling(mode: Any, encoder: Any, tmp_path: Path) -> None:
    compare([encoder, modules.Pooling(WIDTH, pooling_mode=mode)], tmp_path)


@pytest.mark.parametrize("mode", POOLING_MODES)
def test_poolings_take_a_mask_of_any_form(mode: str) -> None:
    hidden = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 0, 1, 0]])
    library = modules.Pooling(8, pooling_mode=mode)
    expected = library({"token_embeddings": hidden.clone(), "attention_mask": mask})
    found = POOLINGS[mode](hidden, mask.float())
    torch.testing.assert_close(found, expected["sentence_embedding"])


def test_modules_behind_the_pooling_and_the_old_booleans(encoder: Any, tmp_path: Path) -> None:
    pooling = modules.Pooling(WIDTH, pooling_mode="cls")
    parts = [encoder, pooling, modules.Dense(WIDTH, 24), modules.LayerNorm(24), modules.Normalize()]
    model = sentence_transformers.SentenceTransformer(modules=parts, device="cpu")
    model.save(str(tmp_path))
    old = {key: mode == "cls" for key, mode in OLD_MODES.items()}
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(old))
    check(model, tmp_path)
    found = load_checkpoint(str(tmp_path)).modules
    assert (found.width(WIDTH), found.normalize, found.similarity) == (24, True, "cosine")


def test_unsupported_modules_are_refused_by_name(encoder: Any, tmp_path: Path) -> None:
    parts = [encoder, modules.Pooling(WIDTH, pooling_mode="mean")]
    sentence_transformers.SentenceTransformer(modules=parts, device="cpu").save(str(tmp_path))
    path = tmp_path / "modules.json"
    entries = json.loads(path.read_text())
    for kind in ("sentence_transformers.models.CNN", "elsewhere.Pooling"):
        path.write_text(json.dumps([*entries, {"path": "2_More", "type": kind}]))
        with pytest.raises(UserError, match=f"module {kind.rpartition('.')[2]}|{kind}"):
            build_encoder(load_checkpoint(str(tmp_path)), "embed")
    path.write_text(json.dumps(entries))
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "attention"}')
    with pytest.raises(UserError, match=r"'attention'.* is not supported"):
        build_encoder(load_checkpoint(str(tmp_path)), "embed")


@pytest.mark.parametrize(
    ("file", "entries", "message"),
    [
        ("config_sentence_transformers.json", {"truncate_dim": 8}, "truncate_dim 8 is not"),
        ("config_sentence_transformers.json", {"default_prompt_name": "q"}, "put the prompt"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "let the tokenizer do it"),
        ("sentence_bert_config.json", {"processing_kwargs": {"text": {"padding": "max_length"}}},
         "processing_kwargs"),
        ("sentence_bert_config.json", {"query_length": 32}, "query_length 32 is not supported"),
        ("1_Pooling/config.json", {"include_prompt": False}, "include_prompt False is not"),
        ("2_Dense/config.json", {"use_residual": True}, "use_residual True is not supported"),
        ("3_Normalize/config.json", {"module_output_name": "other"}, "module_output_name 'other'"),
    ],
)  # fmt: skip
def test_settings_that_change_the_embedding_are_followed_or_refused(
    file: str, entries: dict[str, Any], message: str, encoder: Any, tmp_path: Path
) -> None:
    parts = [encoder, modules.Pooling(WIDTH), modules.Dense(WIDTH, WIDTH), modules.Normalize()]
    sentence_transformers.SentenceTransformer(modules=parts, device="cpu").save(str(tmp_path))
    assert load_checkpoint(str(tmp_path)).modules.normalize
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    stored = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(stored | entries))
    with pytest.raises(UserError, match=message):
        _ = load_checkpoint(str(tmp_path)).modules
