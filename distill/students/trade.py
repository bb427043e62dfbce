"""What a smaller checkpoint saves and what it costs: its size, the time of a text and its scores,
before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

from distill.console.tables import Pair
from distill.families.table import FAMILIES
from distill.models.checkpoint_folder import longest_input
from distill.models.loading import load_auto_tokenizer
from distill.models.own_architecture import load_as_named
from distill.students.fewer_heads import heads_of, zeros_of_heads
from distill.students.pruned_latency import times_in_turns
from distill.students.sizes import Change
from distill.tasks.evaluation import Comparison
from distill.tasks.metric_words import difference_words, metric_title, value_words, with_interval
from distill.tasks.scoring import Before

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from distill.students.sizes import Pruning, Trimming

TEXTS = 4
"""Texts that are timed."""
ROUNDS = 9
"""Runs of each text by either model, in turns."""
MOST_TOKENS = 512
"""Of a text, where a checkpoint does not say how many it takes."""
HALF_BYTES = 2


@dataclass(frozen=True)
class Trade:
    """A checkpoint before and after it was made smaller.

    Attributes:
        weight_bytes: of all weights in half precision, without heads that are zeros.
        milliseconds: the median time of a text in PyTorch on this machine.
        metric: the main one of the task; None where no data is named.
        quality: all metrics of both, and their differences.
    """

    weight_bytes: Change
    milliseconds: tuple[float, float]
    metric: str | None = None
    quality: Comparison | None = None

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "quality": self.quality and self.quality.as_json()}

    def rows(self) -> Iterator[Pair]:
        sizes, times = self.weight_bytes, self.milliseconds
        megabytes = [f"{size / 1e6:.1f} MB" for size in (sizes.before, sizes.after)]
        yield "weights in float16", " -> ".join(megabytes)
        yield "a text in PyTorch", f"{times[0]:.1f} ms -> {times[1]:.1f} ms"
        if self.quality is None or self.metric is None:
            return
        name, title = self.metric, metric_title(self.metric)
        for moment, found in (("before", self.quality.first), ("after", self.quality.second)):
            words = value_words(name, found.metrics[name])
            yield f"{title} {moment}", with_interval(words, found.intervals.get(name))
        if change := self.quality.differences.get(name):
            words = difference_words(name, change.difference)
            yield "difference, paired", with_interval(words, change.interval, signed=True)


@dataclass(frozen=True)
class Smaller:
    """What was cut of a checkpoint, and what that saves and costs."""

    cut: Pruning | Trimming
    trade: Trade

    def as_json(self) -> dict[str, object]:
        return {**self.cut.as_json(), **self.trade.as_json()}

    def rows(self) -> Iterator[Pair]:
        yield from self.cut.rows()
        yield from self.trade.rows()


def measured_trade(before: Path, after: Path, texts: Sequence[str], scores: Before | None) -> Trade:
    """Time two checkpoints on ``texts``, each by the tokens that it spells them with, and score the
    second one where there are ``scores`` of the first.

    Raises:
        UserError: a checkpoint cannot be loaded, or does not fit the data.
    """
    models = load_as_named(before, torch.float32), load_as_named(after, torch.float32)
    inputs = zip(_tokens(before, texts), _tokens(after, texts), strict=True)
    runs = []
    for pair in tqdm(inputs, total=len(texts), desc="timing", unit=" texts", leave=False):
        runs += times_in_turns(models, pair, ROUNDS)
    first, second = (1000 * median(times) for times in zip(*runs, strict=True))
    sizes = Change(*(HALF_BYTES * _stored_parameters(model) for model in models))
    if scores is None:
        return Trade(sizes, (first, second))
    return Trade(sizes, (first, second), scores.task.metric, scores.against(after))


def _stored_parameters(model: PreTrainedModel) -> int:
    """Those of a model that a package stores."""
    family = FAMILIES.get(model.config.model_type)
    silent = zeros_of_heads(model, heads_of(model, family)) if family else 0
    return model.num_parameters() - silent


def _tokens(directory: Path, texts: Sequence[str]) -> list[dict[str, torch.Tensor]]:
    tokenizer = load_auto_tokenizer(directory)
    longest = min(tokenizer.model_max_length, longest_input(directory) or MOST_TOKENS)
    return [
        dict(tokenizer(text, truncation=True, max_length=longest, return_tensors="pt"))
        for text in texts
    ]
