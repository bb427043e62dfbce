"""Tokenize a corpus once, for many runs.

It writes the folder that --corpus_dir of distill.pretrain names.

Example:

    python -m distill.prepare --model minilm --text corpus/*.txt.gz --out runs/corpus
    python -m distill.pretrain --corpus_dir runs/corpus --text corpus/*.txt.gz --teacher DIR ...

On 16 machines that share a folder, each makes one part with --part 1/16 to --part 16/16;
distill.pretrain reads them as one corpus.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from distill.console.command_parser import show_result
from distill.console.errors import UserError, command
from distill.console.options import JsonOptions, options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import check_length, checkpoint_directory


@dataclass(kw_only=True)
class PrepareSettings(JsonOptions):
    """Which text, by whose tokenizer, to where."""

    model: str = field(
        metadata={"help": "checkpoint folder, hub id or preset whose tokenizer is used"}
    )
    text: list[str] = field(metadata={"help": "text, in the forms that distill.pretrain takes"})
    out: str = field(metadata={"help": "folder to write", "aliases": ["--corpus_dir"]})
    sequence_length: int = field(default=512, metadata={"help": "longest sequence in tokens"})
    part: str = field(
        default="", metadata={"help": "make one part alone, such as 3/16: the third of 16 machines"}
    )
    any_size: bool = field(
        default=False, metadata={"help": "accept lines of any length, and .gz files of any size"}
    )
    batch_size: int = field(
        default=5, metadata={"help": "sequences in a batch, for the count of padding"}
    )

    def __post_init__(self) -> None:
        if self.sequence_length < 14 or self.batch_size < 1:
            raise UserError("--sequence_length must be 14 or more, --batch_size 1 or more")


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, PrepareSettings, __doc__)
    (settings,) = parse(words, PrepareSettings)
    result = prepare(settings)
    show_result(settings, result, lambda found: _show(found, settings))
    return 0


@dataclass(frozen=True)
class Preparation:
    """A corpus that was made, or was found made before.

    Attributes:
        dropped: sequences that are short or mostly unknown words.
        bytes_per_second: of text in UTF-8; None for a corpus made before.
        bytes_per_cpu_second: the same in a second of the processor, which a machine busy with
            other work does not change.
        padding: its share of the tokens in batches.
    """

    sequences: int
    tokens: int
    dropped: int
    bytes_per_second: float | None
    bytes_per_cpu_second: float | None
    padding: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def _show(corpus: Preparation, settings: PrepareSettings) -> None:
    speed = "made before"
    if corpus.bytes_per_second and corpus.bytes_per_cpu_second:
        speed = (
            f"{corpus.bytes_per_second / 1e6:.2f} MB/s of text, "
            f"{corpus.bytes_per_cpu_second / 1e6:.2f} MB a CPU second"
        )
    say(
        f"{settings.out}: {corpus.sequences:,} sequences, {corpus.tokens:,} tokens, "
        f"{corpus.dropped:,} dropped; {speed}; padding {corpus.padding:.2%} in batches of "
        f"{settings.batch_size}"
    )


def prepare(settings: PrepareSettings) -> Preparation:
    """Make the corpus, or open one made before.

    Raises:
        UserError: as `prepare_corpus`, or the model takes no inputs of that length.
    """
    from distill.corpus.corpus_folder import prepare_corpus
    from distill.corpus.length_batches import LengthBatches
    from distill.corpus.parts import has_parts, part_folder, part_numbers
    from distill.corpus.shards import DESCRIPTION
    from distill.models.tokenizer import load_tokenizer

    directory = checkpoint_directory(settings.model)
    check_length(directory, settings.sequence_length)
    tokenizer = load_tokenizer(directory)
    folder = Path(settings.out)
    part = part_numbers(settings.part) if settings.part else None
    made_before = ((part_folder(folder, *part) if part else folder) / DESCRIPTION).is_file()
    made_before |= part is None and has_parts(folder)
    began, worked = time.perf_counter(), time.process_time()
    length = settings.sequence_length
    corpus = prepare_corpus(settings.text, tokenizer, folder, length, part, settings.any_size)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    described = corpus.description
    return Preparation(
        sequences=described["sequences"],
        tokens=described["tokens"],
        dropped=described["dropped"],
        bytes_per_second=None if made_before else described["text_bytes"] / seconds,
        bytes_per_cpu_second=None if made_before else described["text_bytes"] / worked,
        padding=LengthBatches(corpus.lengths, settings.batch_size, seed=0).padding(),
    )


if __name__ == "__main__":
    sys.exit(main())
