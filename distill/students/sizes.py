"""What a checkpoint lost when it was cut: its sizes before and after, as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from distill.console.tables import Pair


@dataclass(frozen=True)
class Change:
    """A number of parameters, units, heads or entries, before and after."""

    before: int
    after: int

    def counted(self) -> str:
        """Such as ``1,536 -> 768``."""
        return f"{self.before:,} -> {self.after:,}"

    def in_millions(self) -> str:
        """Such as ``17.0 M -> 13.4 M``."""
        return f"{self.before / 1e6:.1f} M -> {self.after / 1e6:.1f} M"


@dataclass(frozen=True, kw_only=True)
class CutUnits:
    """The feed-forward units that were cut.

    Attributes:
        units: of one layer.
        kept: of each layer the share of the summed contributions that is kept, 0 to 1.
        time_share: the time of a text as a share of that before, where it decided.
        tokens: of that text.
    """

    units: Change
    kept: Sequence[float]
    time_share: float | None = None
    tokens: int | None = None

    def rows(self) -> Iterator[Pair]:
        if self.time_share is not None:
            yield "time of a text", f"{self.time_share:.2f} of before, {self.tokens} tokens"
        yield "units a layer", self.units.counted()
        yield "contributions kept by layer", _percent(self.kept)


@dataclass(frozen=True)
class CutHeads:
    """The attention heads that were silenced.

    Attributes:
        heads: of one layer.
        kept: of each layer the share of the summed contributions that is kept, 0 to 1.
    """

    heads: Change
    kept: Sequence[float]

    def rows(self) -> Iterator[Pair]:
        yield "heads a layer", self.heads.counted()
        yield "what heads kept contribute", _percent(self.kept)


@dataclass(frozen=True)
class Pruning:
    """A checkpoint that was pruned; None for a kind of part that was left alone."""

    feed_forward: CutUnits | None
    attention: CutHeads | None
    parameters: Change

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def rows(self) -> Iterator[Pair]:
        for cut in (self.feed_forward, self.attention):
            if cut is not None:
                yield from cut.rows()
        yield "parameters", self.parameters.in_millions()


@dataclass(frozen=True)
class Trimming:
    """A checkpoint whose vocabulary was cut.

    Attributes:
        tokens_covered: share of the text's tokens that are spelled as before, 0 to 1.
        pieces_per_word: tokens of a word of the text, before and after.
    """

    entries: Change
    tokens_covered: float
    pieces_per_word: tuple[float, float]
    parameters: Change

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def rows(self) -> Iterator[Pair]:
        before, after = self.pieces_per_word
        yield "entries", self.entries.counted()
        yield "tokens covered", f"{100 * self.tokens_covered:.2f}%"
        yield "pieces per word", f"{before:.3f} -> {after:.3f}"
        yield "parameters", self.parameters.in_millions()


@dataclass(frozen=True)
class OtherVocabulary:
    """An encoder that was given the vocabulary of another checkpoint.

    Attributes:
        spelled_by_others: entries that start from the mean of several former ones.
    """

    entries: Change
    spelled_by_others: int
    parameters: Change

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def rows(self) -> Iterator[Pair]:
        yield "entries", self.entries.counted()
        yield "spelled by others", f"{self.spelled_by_others:,}"
        yield "parameters", self.parameters.in_millions()


def _percent(shares: Sequence[float]) -> str:
    return " ".join(f"{100 * share:.0f}%" for share in shares)
