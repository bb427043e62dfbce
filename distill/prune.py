"""Cut the feed-forward units that contribute least on given text: a smaller, faster start.

Example:

    python -m distill.prune --model qa-mini --text corpus/*.txt.gz --units 768 --out runs/pruned
    python -m distill.prune --model qa-mini --text mine.txt --parameters 14000000 --out runs/pruned
    python -m distill.finetune --task squad --model runs/pruned --teacher qa-mini ...

Feed-forward layers are two thirds of a transformer layer. All of them keep the same number of
units, so the result is a plain checkpoint. Cut in steps (1536, 1152, 768) with a distillation after
each, it loses less than in one: the teacher is the checkpoint before the cut.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from distill.console.atomic import atomic_directory, is_free
from distill.console.errors import UserError, command
from distill.console.options import options_given, parse
from distill.models.checkpoint_folder import checkpoint_directory

BATCH = 16


@dataclass
class PruneArguments:
    """Which checkpoint, by which text, to how many units, and where the result goes."""

    model: str = field(metadata={"help": "checkpoint folder or preset"})
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
    texts: int = field(default=2000, metadata={"help": "at most so many texts are run"})
    max_length: int = field(default=256, metadata={"help": "tokens of a text; the rest is cut"})

    def __post_init__(self) -> None:
        if (self.units is None) == (self.parameters is None):
            raise UserError("name one of --units and --parameters")
        for name in ("units", "parameters", "texts", "max_length"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                option = name.replace("_", "-")
                raise UserError(f"--{option} must be at least 1, not {getattr(self, name)}")


@command
def main(argv: Sequence[str] | None = None) -> int:
    given = options_given(argv, PruneArguments, __doc__)
    (arguments,) = parse(given, PruneArguments)
    source = checkpoint_directory(arguments.model)
    if not is_free(arguments.out):
        raise UserError(f"{arguments.out} exists already and is not empty: choose another --out")
    report = prune(source, arguments)
    for key, value in report.items():
        print(f"{key.replace('_', ' '):<28} {value}")
    print(f"the pruned checkpoint is in {arguments.out}; distil it again with distill.finetune")
    return 0


def prune(source: Path, arguments: PruneArguments) -> dict[str, Any]:
    """Write ``source`` with fewer units a layer to ``arguments.out``.

    Returns:
        Units and parameters before and after, and the share of the summed contributions kept, by
        layer.

    Raises:
        UserError: no text, a model without such layers, or not fewer units than it has.
    """
    from distill.families.table import family_of
    from distill.models.own_architecture import load_as_named
    from distill.runs.run_outputs import copy_tokenizer
    from distill.students.fewer_units import (
        cost_of_unit,
        cut,
        feed_forwards,
        measure,
        units_within,
    )

    model = load_as_named(source).float()
    config = model.config
    family = family_of(config.model_type, str(source))
    layers = feed_forwards(model, family.part("up"), family.part("down"))
    units_before = len(layers[0].squares)
    before = _parameters(model)
    units = arguments.units
    if arguments.parameters is not None:
        units = units_within(
            arguments.parameters, before, units_before, cost_of_unit(model, layers)
        )
    if units is None or units >= units_before:
        raise UserError(f"{source} has {units_before} units a layer; keep fewer of them")
    measure(model, layers, _batches(source, arguments, config))
    if not layers[0].tokens:
        raise UserError(f"{', '.join(arguments.text)}: no text to measure the units on")
    shares = cut(model, layers, units)
    setattr(config, family.config_keys["intermediate"], units)
    with atomic_directory(arguments.out) as staged:
        model.save_pretrained(staged)
        copy_tokenizer(source, staged)
    return {
        "units_a_layer": f"{units_before:,} -> {units:,}",
        "parameters": f"{before / 1e6:.1f} M -> {_parameters(model) / 1e6:.1f} M",
        "contributions_kept_by_layer": " ".join(f"{100 * share:.0f} %" for share in shares),
    }


def _parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _batches(source: Path, arguments: PruneArguments, config: Any) -> Iterator[dict[str, Any]]:
    from tqdm import tqdm
    from transformers import AutoTokenizer

    from distill.corpus.text_sources import read_texts

    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    texts = islice(read_texts(arguments.text), arguments.texts)
    with tqdm(total=arguments.texts, desc="measuring", unit=" texts", leave=False) as progress:
        while batch := list(islice(texts, BATCH)):
            yield dict(
                tokenizer(
                    batch,
                    padding=True,
                    truncation=True,
                    max_length=min(arguments.max_length, tokenizer.model_max_length),
                    return_tensors="pt",
                )
            )
            progress.update(len(batch))


if __name__ == "__main__":
    sys.exit(main())
