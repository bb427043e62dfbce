from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.runtimes.workloads import Source, load_workloads, pad
from distill.console.errors import UserError


@pytest.fixture
def source(data: Path, minilm_directory: Path) -> Source:
    return Source(data=data, tokenizer=minilm_directory)


def test_fixed_lengths_are_full_and_the_same_every_time() -> None:
    first, second = load_workloads("fixed:16,128", Source())
    assert (first.name, first.lengths, second.lengths) == ("fixed:16", (16,), (128,))
    (inputs,) = second.inputs
    assert inputs["attention_mask"].all()
    assert inputs["input_ids"].dtype == np.int64
    again = load_workloads("fixed:128", Source())[0].inputs[0]
    assert np.array_equal(inputs["input_ids"], again["input_ids"])
    assert second.tokenization is None


def test_ids_stay_inside_a_small_vocabulary() -> None:
    (workload,) = load_workloads("fixed:512", Source(vocabulary=50))
    assert workload.inputs[0]["input_ids"].max() < 50


def test_stsb_keeps_every_pair_at_its_own_length(source: Source, data: Path) -> None:
    (workload,) = load_workloads("stsb", source)
    lines = (data / "glue" / "STS-B" / "dev.tsv").read_text().splitlines()
    assert len(workload.inputs) == workload.of == len(lines) - 1
    assert len(workload.lengths) > 3
    assert workload.tokenization and workload.tokenization > 0
    assert workload.statistic == "total"
    for inputs in workload.inputs:
        assert inputs["attention_mask"].all()
        assert set(np.unique(inputs["token_type_ids"])) == {0, 1}


def test_squad_pads_to_the_smallest_bucket(source: Source) -> None:
    (whole,) = load_workloads("squad:512", source)
    middle = int(np.median([inputs["attention_mask"].sum() for inputs in whole.inputs]))
    (workload,) = load_workloads(f"squad:{middle},512", source)
    assert workload.name == f"squad:{middle},512"
    assert workload.lengths == (middle, 512)
    for inputs in workload.inputs:
        length, tokens = inputs["input_ids"].shape[1], int(inputs["attention_mask"].sum())
        assert length == (middle if tokens <= middle else 512)
        assert not inputs["input_ids"][0, tokens:].any()


def test_squad_takes_the_buckets_of_a_package(data: Path, minilm_directory: Path) -> None:
    (workload,) = load_workloads("squad", Source(data, minilm_directory, buckets=(200,)))
    assert workload.lengths == (200,)


def test_padding_changes_the_length_and_nothing_else(source: Source) -> None:
    (workload,) = load_workloads("stsb", source)
    padded = workload.padded(384)
    assert padded.lengths == (384,)
    assert padded.name == "stsb padded to 384"
    for before, after in zip(workload.inputs, padded.inputs, strict=True):
        assert before["attention_mask"].sum() == after["attention_mask"].sum()
        length = before["input_ids"].shape[1]
        assert np.array_equal(before["input_ids"], after["input_ids"][:, :length])


def test_padding_cuts_what_is_too_long() -> None:
    inputs = load_workloads("fixed:16", Source())[0].inputs[0]
    assert pad(inputs, 8)["input_ids"].shape == (1, 8)


def test_a_limit_takes_evenly_spaced_inputs(data: Path, minilm_directory: Path) -> None:
    (every,) = load_workloads("stsb", Source(data, minilm_directory, limit=0))
    (some,) = load_workloads("stsb", Source(data, minilm_directory, limit=5))
    assert (len(some.inputs), some.of) == (5, len(every.inputs))
    expected = [every.inputs[i * len(every.inputs) // 5]["input_ids"] for i in range(5)]
    for wanted, found in zip(expected, some.inputs, strict=True):
        assert np.array_equal(wanted, found["input_ids"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fixed", "unknown workload"),
        ("fixed:", "unknown workload"),
        ("fixed:a", "numbers"),
        ("fixed:1", "between 2 and 512"),
        ("fixed:128,513", "between 2 and 512"),
        ("stsb:3", "unknown workload"),
        ("imdb", "unknown workload"),
        ("", "unknown workload"),
    ],
)
def test_bad_names_are_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_workloads(text, Source())


def test_a_missing_data_set_says_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--data"):
        load_workloads("stsb", Source(data=tmp_path))


def test_the_official_sts_b_has_1500_pairs(shared_data: Path, minilm_directory: Path) -> None:
    (workload,) = load_workloads("stsb", Source(shared_data, minilm_directory))
    assert workload.of == len(workload.inputs) == 1500
    assert max(workload.lengths) < 128
