"""Batches are padded to their longest row; the teacher computes each row once."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForQuestionAnswering

from distill.console.errors import UserError
from distill.corpus.length_batches import FeatureDataset
from distill.runs.run_outputs import disk_problems
from distill.tasks.batches import Collator, run_model
from distill.tasks.squad import Example, Feature
from distill.tasks.squad_task import split_by_passage
from distill.tasks.table import TASKS
from distill.tasks.task import Labels
from distill.training.teacher import CachedTeacher, LiveTeacher, fingerprint

SQUAD = TASKS["squad"]


def feature(length: int, spans: tuple[tuple[int, int], ...] = ()) -> Feature:
    ids = [101, *range(5, 3 + length), 102]
    segments = [0, 0] + [1] * (length - 2)
    return Feature(0, ids, segments, 2, [(0, 1)] * (length - 3), spans)


def span_logits(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return run_model(SQUAD, model, batch).logits


FEATURES = [feature(9, ((3, 4),)), feature(12), feature(7, ((2, 2), (3, 5)))]


@pytest.fixture
def teacher(tmp_path: Path) -> tuple[torch.nn.Module, Path]:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = BertForQuestionAnswering(BertConfig(vocab_size=200, intermediate_size=32, **shape))
    model.save_pretrained(tmp_path / "teacher")
    return model.eval(), tmp_path / "teacher"


def batch(rows: list[int], segments: bool = True) -> dict[str, torch.Tensor]:
    dataset = FeatureDataset(FEATURES)
    config = BertConfig(type_vocab_size=1 + segments)
    collate = Collator(SQUAD, None, SimpleNamespace(config=config))
    return collate([dataset[row] for row in rows])


def test_rows_are_padded_to_the_longest() -> None:
    found = batch([2, 0])
    assert found["input_ids"].shape == found["token_type_ids"].shape == (2, 9)
    assert found["attention_mask"].sum(1).tolist() == [7, 9]
    assert found["input_ids"][0, 7:].tolist() == [0, 0]
    assert found["start_targets"][0, 2:4].tolist() == [0.5, 0.5]
    assert found["end_targets"][1, 4] == 1
    assert "token_type_ids" not in batch([0], segments=False)


def test_the_cache_gives_what_the_teacher_says(
    teacher: tuple[torch.nn.Module, Path], tmp_path: Path
) -> None:
    model, weights = teacher
    cached = CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    with torch.no_grad():
        expected = span_logits(model, batch([0, 2]))
    attended = batch([0, 2])["attention_mask"].bool()[:, None].expand_as(expected)
    for _ in range(2):  # computed, then read
        found, hidden, _ = cached(batch([0, 2], segments=False))
        assert hidden == ()
        torch.testing.assert_close(found[attended], expected[attended], atol=2e-3, rtol=0)
        assert float(found[~attended].max()) <= -1e4


def test_a_row_is_computed_once_and_outlives_the_process(
    teacher: tuple[torch.nn.Module, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, weights = teacher
    cached = CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    first = cached(batch([0, 1])).logits
    again = CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    computed: list[int] = []
    monkeypatch.setattr(again, "_compute", computed.extend)
    second = again(batch([0, 1])).logits
    assert computed == [] and torch.equal(first, second)
    again(batch([1, 2]))
    assert computed == [2]


def test_a_cache_whose_making_was_cut_short_is_made_anew(
    teacher: tuple[torch.nn.Module, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, weights = teacher

    def cut_short(path: Path, _: np.ndarray) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", cut_short)
        with pytest.raises(KeyboardInterrupt):
            CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    assert np.isnan(
        CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache").cache
    ).all()


def test_a_full_disk_is_one_line(teacher: tuple[torch.nn.Module, Path], tmp_path: Path) -> None:
    model, weights = teacher
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match="the disk is full"), disk_problems(tmp_path):
            CachedTeacher(SQUAD, model, weights, FEATURES * 1000, None, tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("writes", [0, 1])
def test_a_row_whose_writing_was_cut_short_is_computed_anew(
    writes: int, teacher: tuple[torch.nn.Module, Path], tmp_path: Path
) -> None:
    class Killed:
        """A cache that takes so many writes."""

        def __init__(self, cache: np.memmap) -> None:
            self.cache, self.left = cache, writes
            self.shape, self.dtype = cache.shape, cache.dtype

        def __getitem__(self, key: Any) -> np.ndarray:
            return self.cache[key]

        def __setitem__(self, key: Any, value: Any) -> None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.cache[key] = value

    model, weights = teacher
    expected = CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "whole")(
        batch([0, 2])
    ).logits
    cached = CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    cached.cache = Killed(cached.cache)
    with pytest.raises(KeyboardInterrupt):
        cached(batch([0, 2]))
    again = CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    assert torch.equal(again(batch([0, 2])).logits, expected)


def test_other_weights_have_another_cache(
    teacher: tuple[torch.nn.Module, Path], tmp_path: Path
) -> None:
    model, weights = teacher
    CachedTeacher(SQUAD, model, weights, FEATURES, None, tmp_path / "cache")
    other = tmp_path / "other"
    shutil.copytree(weights, other)
    # A second file of weights counts too, and so does the configuration.
    (other / "more.safetensors").write_bytes(b" ")
    CachedTeacher(SQUAD, model, other, FEATURES, None, tmp_path / "cache")
    CachedTeacher(SQUAD, model, weights, FEATURES[:2], None, tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_live_teacher_gives_hidden_states_too(teacher: tuple[torch.nn.Module, Path]) -> None:
    logits, hidden, _ = LiveTeacher(SQUAD, teacher[0], FEATURES, None, hidden=True)(
        batch([0, 2], segments=False)
    )
    assert logits.shape == (2, 2, 9)
    assert [state.shape for state in hidden] == [(2, 9, 16)] * 3
    assert not logits.requires_grad
    with torch.no_grad():
        assert np.array_equal(logits, span_logits(teacher[0], batch([0, 2])))


def test_articles_are_held_out_whole() -> None:
    small = [
        Example(f"{a}-{i}", "?", f"{a}", (), title=f"t{a}") for a in range(60) for i in range(3)
    ]
    large = [Example(f"r{i}", "?", f"passage {i // 3}", (), title="forum") for i in range(180)]
    kept, held_out = split_by_passage(small + large, 0.2)
    assert len(kept) + len(held_out) == 360
    assert 0.1 * 360 < len(held_out) < 0.3 * 360
    assert not {e.title for e in kept if e.title != "forum"} & {e.title for e in held_out}
    assert not {e.context for e in kept} & {e.context for e in held_out}
    assert {"forum"} < {e.title for e in held_out}
    assert split_by_passage(small + large, 0.2) == (kept, held_out)


def test_cache_is_named_by_weights_of_the_same_size_and_by_the_order_of_labels(
    teacher: tuple[torch.nn.Module, Path],
) -> None:
    model, directory = teacher
    names = {fingerprint(directory, FEATURES, SQUAD, Labels(n)) for n in (("a", "b"), ("b", "a"))}
    with torch.no_grad():
        next(model.parameters()).add_(1)
    model.save_pretrained(directory)
    names.add(fingerprint(directory, FEATURES, SQUAD, Labels(("a", "b"))))
    assert len(names) == 3
