"""Cut the units and heads that contribute least.

What feed-forward units and attention heads contribute is measured on a text; the rest is a smaller,
faster start.

Example:

    python -m distill.prune --model qa-mini --text corpus/*.txt.gz --units 768 --out runs/pruned
    python -m distill.prune --model qa-mini --text mine.txt --parameters 14000000 --out runs/pruned
    python -m distill.prune --model qa-mini --text mine.txt --latency 0.8 --out runs/pruned
    python -m distill.prune --model qa-mini --text mine.txt --heads 9 --out runs/pruned
    python -m distill.finetune --task squad --model runs/pruned --teacher qa-mini ...

Feed-forward layers are two thirds of a transformer layer. All of them keep the same number of
units, and of heads that do something, so that the result is a plain checkpoint. Cut in steps (1536,
1152, 768) with a distillation after each, it loses less than in one: the teacher is the checkpoint
before the first cut.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_directory, check_free
from distill.console.command_parser import show_result
from distill.console.errors import UserError, command
from distill.console.options import JsonOptions, options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import check_length, checkpoint_directory, longest_input
from distill.tasks.options import SHORTEST
from distill.tasks.scoring import ScoringOptions, scored_before

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from distill.students.fewer_units import FeedForward
    from distill.students.sizes import CutUnits, Pruning
    from distill.students.trade import Smaller

BATCH = 16


@dataclass(kw_only=True)
class PruneArguments(ScoringOptions, JsonOptions):
    """Which checkpoint, by which text, to how many units, and where the result goes."""

    model: str = field(metadata={"help": "checkpoint folder, hub id or preset"})
    text: list[str] = field(
        metadata={"help": "text of the task: files as `distill.pretrain` takes them"}
    )
    out: str = field(metadata={"help": "folder to write, which must be new"})
    units: int | None = field(
        default=None, metadata={"help": "units that each feed-forward layer keeps"}
    )
    parameters: int | None = field(
        default=None,
        metadata={"help": "or: keep the most units, in steps of 32, of a model of so many "
                  "parameters; each is a byte of an int8 package"},
    )  # fmt: skip
    latency: float | None = field(
        default=None,
        metadata={"help": "or: the most units with which a text of --max_length tokens takes at "
                  "most this share of its time now, as measured in PyTorch"},
    )  # fmt: skip
    heads: int | None = field(
        default=None,
        metadata={"help": "attention heads that each layer keeps; the others become zeros, which "
                  "export.coreml leaves out"},
    )  # fmt: skip
    texts: int = field(default=2000, metadata={"help": "at most so many texts are run"})
    max_length: int = field(default=256, metadata={"help": "tokens of a text; the rest is cut"})

    def __post_init__(self) -> None:
        targets = [self.units, self.parameters, self.latency]
        named = sum(target is not None for target in targets)
        if named > 1 or (named == 0 and self.heads is None):
            raise UserError("name one of --units, --parameters and --latency, or --heads, or both")
        for name in ("units", "parameters", "heads", "texts"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UserError(f"--{name} must be at least 1, not {getattr(self, name)}")
        if self.max_length < SHORTEST:
            raise UserError(f"--max-length must be at least {SHORTEST}, not {self.max_length}")
        if self.latency is not None and not 0 < self.latency < 1:
            raise UserError(f"--latency must be between 0 and 1, not {self.latency:g}")
        self.check_scoring()


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, PruneArguments, __doc__)
    (arguments,) = parse(words, PruneArguments)
    source = checkpoint_directory(arguments.model)
    check_free(arguments.out)
    from distill.console.progress import quiet

    with quiet():
        made = prune(source, arguments)
    show_result(arguments, made, lambda made: _show(made, arguments))
    return 0


def _show(made: Smaller, arguments: PruneArguments) -> None:
    for name, value in made.rows():
        say(f"{name:<28} {value}")
    say(
        f"the pruned checkpoint is in {arguments.out}; train it again before it is used",
        f"next: python -m distill.finetune --model {shlex.quote(arguments.out)} --task TASK "
        f"--teacher {shlex.quote(arguments.model)} --out RUN",
    )


def prune(source: Path, arguments: PruneArguments) -> Smaller:
    """Write ``source`` with fewer units and heads to ``arguments.out``.

    Raises:
        UserError: no text, a model without such layers, or not fewer units or heads than it has;
            data to score on that does not fit the checkpoint.
    """
    from distill.corpus.text_sources import read_texts
    from distill.models.own_architecture import load_as_named
    from distill.models.sentence_modules import copy_modules
    from distill.runs.run_outputs import copy_tokenizer
    from distill.students.trade import TEXTS, Smaller, measured_trade

    scores = scored_before(arguments, source)
    model = load_as_named(source).float()
    cut = _cut(model, source, arguments)
    texts = list(islice(read_texts(arguments.text), TEXTS))
    with atomic_directory(arguments.out) as staged:
        model.save_pretrained(staged)
        copy_tokenizer(source, staged)
        copy_modules(source, staged)
        return Smaller(cut, measured_trade(source, staged, texts, scores))


def _cut(model: PreTrainedModel, source: Path, arguments: PruneArguments) -> Pruning:
    """Cut units and heads, in place, by what they do on the text."""
    from distill.families.table import family_of
    from distill.students.fewer_heads import heads_of, silence, silent
    from distill.students.fewer_units import feed_forwards, measure
    from distill.students.sizes import Change, CutHeads, Pruning

    family = family_of(model.config.model_type, str(source))
    layers = feed_forwards(model, family.part("up"), family.part("down"))
    before, heads, count = model.num_parameters(), arguments.heads, 0
    attentions = heads_of(model, family) if heads is not None else []
    if heads is not None:
        if not attentions:
            raise UserError(f"the heads of a {family.model_type} cannot be cut; name --units alone")
        count = max(layer.count - silent(model, layer) for layer in attentions)
        if heads >= count:
            raise UserError(f"{source} has {count} heads a layer; keep fewer of them")
    measure(model, [*layers, *attentions], _batches(source, arguments))
    if not layers[0].tokens:
        raise UserError(f"{', '.join(arguments.text)}: no text to measure the units on")
    cut_units = cut_heads = None
    if {arguments.units, arguments.parameters, arguments.latency} != {None}:
        cut_units = _fewer_units(model, layers, source, arguments)
        setattr(model.config, family.config_keys["intermediate"], cut_units.units.after)
    if heads is not None:
        shares = [silence(model, layer, heads) for layer in attentions]
        cut_heads = CutHeads(Change(count, heads), shares)
    return Pruning(cut_units, cut_heads, Change(before, model.num_parameters()))


def _fewer_units(
    model: PreTrainedModel, layers: list[FeedForward], source: Path, arguments: PruneArguments
) -> CutUnits:
    """Cut units, in place, down to what the arguments name."""
    from distill.students.fewer_units import cost_of_unit, cut, units_within
    from distill.students.pruned_latency import units_in_time
    from distill.students.sizes import Change, CutUnits

    before, units = len(layers[0].squares), arguments.units
    share = length = None
    if arguments.parameters is not None:
        cost = cost_of_unit(model, layers)
        units = units_within(arguments.parameters, model.num_parameters(), before, cost)
    if arguments.latency is not None:
        check_length(source, arguments.max_length)
        (text,) = _batches(source, replace(arguments, texts=1))
        length = arguments.max_length
        filled = {name: row.repeat(1, length)[:, :length] for name, row in text.items()}
        units, share = units_in_time(model, layers, before, arguments.latency, filled)
    if units is None or units >= before:
        raise UserError(f"{source} has {before} units a layer; keep fewer of them")
    kept = cut(model, layers, units)
    return CutUnits(units=Change(before, units), kept=kept, time_share=share, tokens=length)


def _batches(source: Path, arguments: PruneArguments) -> Iterator[dict[str, torch.Tensor]]:
    """The texts as the model takes them, `BATCH` at a time."""
    from tqdm import tqdm

    from distill.corpus.text_sources import read_texts
    from distill.models.loading import load_auto_tokenizer

    tokenizer = load_auto_tokenizer(source)
    most = min(tokenizer.model_max_length, longest_input(source) or arguments.max_length)
    texts = islice(read_texts(arguments.text), arguments.texts)
    with tqdm(total=arguments.texts, desc="measuring", unit=" texts", leave=False) as progress:
        while batch := list(islice(texts, BATCH)):
            yield dict(
                tokenizer(
                    batch,
                    padding=True,
                    truncation=True,
                    max_length=min(arguments.max_length, most),
                    return_tensors="pt",
                )
            )
            progress.update(len(batch))


if __name__ == "__main__":
    sys.exit(main())
