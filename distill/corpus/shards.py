"""Text -> token shards on disk, tokenized once and read through memory maps.

A text is a sequence ``[CLS] ... [SEP]``; longer ones are split, those of 11 tokens or fewer and
those of mostly unknown words are dropped, as in the reference (see `distill/README.md`). Texts
are read and tokenized in portions, in parallel by the fast tokenizer, and only one portion and
one number for each sequence are in memory: a corpus may be larger than it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from distill.console.atomic import atomic_directory, is_free
from distill.console.errors import UserError
from distill.corpus.portions import portions
from distill.families.table import token_names
from distill.models.tokenizer import special_ids

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


SHORTEST = 12
SHARD_TOKENS = 2**27
DESCRIPTION, COUNTS = "corpus.json", "counts.npy"
UNKNOWN = token_names("unk")


@dataclass(frozen=True)
class Corpus:
    """Sequences of ids in memory-mapped shards.

    Attributes:
        shards: ids of each shard, one after the other.
        ends: for each shard, where each of its sequences ends.
        first: the number of each shard's first sequence, and the number of all sequences.
        counts: how often each id occurs, (vocabulary,).
        lengths: of every sequence, special tokens included.
        description: what `build_corpus` recorded.
        order: the place in the shards of every sequence; None: as they stand there.
    """

    shards: list[np.ndarray]
    ends: list[np.ndarray]
    first: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray
    description: dict[str, Any]
    order: np.ndarray | None = None

    def __len__(self) -> int:
        return int(self.first[-1])

    def __getitem__(self, index: int) -> np.ndarray:
        """Ids of one sequence, int64."""
        index = index if self.order is None else int(self.order[index])
        shard = int(np.searchsorted(self.first, index, "right")) - 1
        ends, within = self.ends[shard], index - self.first[shard]
        start = ends[within - 1] if within else 0
        return self.shards[shard][start : ends[within]].astype(np.int64)


def build_corpus(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    out: Path,
    max_length: int = 512,
    made_from: dict[str, object] | None = None,
) -> dict[str, object]:
    """Tokenize ``texts`` into ``out``, a new folder; returns the description that is written
    there.

    Args:
        tokenizer: a fast tokenizer (`tokenizers.Tokenizer`) that neither pads nor truncates.
        max_length: longest sequence in tokens, the two special ones included.

    Raises:
        UserError: no sequence is left, or ``out`` holds something.
    """
    if not is_free(out):
        raise UserError(f"{out} holds files already, which would be lost: name another folder")
    with atomic_directory(out) as staged:
        writer = _Writer(staged, tokenizer, max_length)
        with tqdm(unit=" characters", unit_scale=True, desc="tokenizing", disable=None) as progress:
            for portion, coded in _coded(texts, tokenizer):
                writer.add(coded, [number for number, _ in portion])
                writer.text_bytes += sum(len(piece.encode()) for _, piece in portion)
                progress.update(sum(len(piece) for _, piece in portion))
        if not writer.sequences:
            raise UserError(
                f"the corpus is empty: no sequence of {SHORTEST} tokens or more "
                f"({writer.dropped} dropped)"
            )
        return writer.finish(made_from or {})


def open_corpus(directory: Path) -> Corpus:
    """Open what `build_corpus` wrote.

    Raises:
        UserError: there is no complete corpus.
    """
    try:
        described = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
        dtype = np.dtype(described["dtype"])
        names = [f"{number:05}" for number in range(described["shards"])]
        ends = [np.load(directory / f"ends-{name}.npy", mmap_mode="r") for name in names]
        shards: list[np.ndarray] = [
            np.memmap(directory / f"tokens-{name}.bin", dtype, mode="r") for name in names
        ]
        if any(len(shard) != end[-1] for shard, end in zip(shards, ends, strict=True)):
            raise UserError(
                f"{directory}: not a tokenized corpus (a shard is shorter than it was; remove the "
                "folder to make it again)"
            )
        return Corpus(
            shards,
            ends,
            np.cumsum([0, *map(len, ends)]),
            np.load(directory / COUNTS),
            np.concatenate([np.diff(end, prepend=0).astype(np.int32) for end in ends]),
            described,
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{directory}: not a tokenized corpus ({error})") from None


def text_numbers(directory: Path, shards: int) -> np.ndarray:
    """The number of the text that each sequence of a corpus is of, (sequences,).

    Raises:
        UserError: they are not there, or damaged.
    """
    try:
        names = [directory / f"texts-{number:05}.npy" for number in range(shards)]
        return np.concatenate([np.load(name) for name in names])
    except (OSError, EOFError, ValueError) as error:
        raise UserError(
            f"{directory}: not a part of a tokenized corpus ({error}; remove the folder to make it "
            "again)"
        ) from None


def _coded(
    texts: Iterable[str], tokenizer: Tokenizer
) -> Iterator[tuple[list[tuple[int, str]], list[Encoding]]]:
    """Portions and their encodings; the next one is tokenized while this one is written."""
    unknown = next((token for token in UNKNOWN if tokenizer.token_to_id(token) is not None), "")
    # WikiText marks its rare words so.
    lines = (text.replace("<unk>", unknown) if "<unk>" in text else text for text in texts)
    waiting: deque[tuple[list[tuple[int, str]], Future[list[Encoding]]]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for portion in portions(lines):
            batch = [piece for _, piece in portion]
            future = pool.submit(tokenizer.encode_batch_fast, batch, add_special_tokens=False)
            waiting.append((portion, future))
            if len(waiting) > 1:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


@dataclass
class _Writer:
    """Packs encodings into shards; ``dropped`` counts what was too short or mostly unknown."""

    folder: Path
    tokenizer: Tokenizer
    max_length: int
    sequences: int = 0
    tokens: int = 0
    dropped: int = 0
    text_bytes: int = 0
    _ends: list[np.ndarray] = field(default_factory=list)
    _texts: list[int] = field(default_factory=list)
    _shards: int = 0
    _size: int = 0

    def __post_init__(self) -> None:
        vocabulary = self.tokenizer.get_vocab_size()
        self.dtype = np.dtype(np.uint16 if vocabulary <= 2**16 else np.uint32)
        self.counts = np.zeros(vocabulary, np.int64)
        ids = (self.tokenizer.token_to_id(token) for token in UNKNOWN)
        self.unknown = next((token for token in ids if token is not None), -1)  # of no token
        self.cls, self.sep = special_ids(self.tokenizer)

    def add(self, coded: Sequence[Encoding], numbers: Sequence[int]) -> None:
        """Append the sequences of one portion, pieces of the texts of these numbers, to the shard,
        or begin another one."""
        room = self.max_length - 2
        kept = []
        for encoding, number in zip(coded, numbers, strict=True):
            ids = encoding.ids
            for start in range(0, len(ids), room):
                sequence = [self.cls, *ids[start : start + room], self.sep]
                if len(sequence) < SHORTEST or sequence.count(self.unknown) * 2 >= len(sequence):
                    self.dropped += 1
                else:
                    kept.append(sequence)
                    self._texts.append(number)
        if not kept:
            return
        flat = np.array([token for sequence in kept for token in sequence], self.dtype)
        with (self.folder / f"tokens-{self._shards:05}.bin").open("ab") as file:
            file.write(flat.data)
        self._ends.append(np.cumsum([len(sequence) for sequence in kept]) + self._size)
        self._size += len(flat)
        self.counts += np.bincount(flat, minlength=len(self.counts))
        self.sequences += len(kept)
        self.tokens += len(flat)
        if self._size >= SHARD_TOKENS:
            self._close_shard()

    def finish(self, made_from: dict[str, object]) -> dict[str, object]:
        if self._size:
            self._close_shard()
        np.save(self.folder / COUNTS, self.counts)
        described = {
            **made_from,
            "dtype": self.dtype.name,
            "shards": self._shards,
            "sequences": self.sequences,
            "tokens": self.tokens,
            "dropped": self.dropped,
            "text_bytes": self.text_bytes,
        }
        text = json.dumps(described, indent=2) + "\n"
        (self.folder / DESCRIPTION).write_text(text, encoding="utf-8")
        return described

    def _close_shard(self) -> None:
        np.save(self.folder / f"ends-{self._shards:05}.npy", np.concatenate(self._ends))
        np.save(self.folder / f"texts-{self._shards:05}.npy", np.array(self._texts))
        self._shards, self._size, self._ends, self._texts = self._shards + 1, 0, [], []
