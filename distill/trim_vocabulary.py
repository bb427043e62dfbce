"""Cut a vocabulary to the entries that a text needs.

The embeddings of the checkpoint are cut with it.

Examples:

    python -m distill.trim_vocabulary --model qa-mini --text corpus/*.txt.gz --keep 12000 \\
        --out runs/qa-small
    python -m distill.trim_vocabulary --model minilm --text mine.txt --coverage 99.9 --out runs/m
    python -m distill.trim_vocabulary --model all-mpnet-base-v2 --like runs/m --out runs/mpnet

Kept are the commonest entries of the text, every special and added token, and every single
character, so that whatever was spelled before can still be spelled, in more pieces where an entry
is gone. The text must be like the text that the model is to meet, and not the text that it is
evaluated on. The weights of a kept entry do not change; a word whose entries are all kept gives the
same output as before.

With --like the encoder, without a head, takes the tokenizer of another checkpoint, so that it can
teach it: an entry that both have keeps its vector, special tokens are matched by what they are for,
any other entry starts from the mean of its pieces. Fine-tune it before it teaches.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from distill.console.atomic import atomic_directory, check_free
from distill.console.bounded_files import read_object
from distill.console.command_parser import show_result
from distill.console.errors import UserError, command, note
from distill.console.options import JsonOptions, options_given, parse
from distill.console.tables import say
from distill.models.checkpoint_folder import checkpoint_directory
from distill.models.sentence_modules import copy_modules
from distill.models.vocabulary_file import write_vocabulary
from distill.tasks.scoring import ScoringOptions, scored_before

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from distill.students.sizes import OtherVocabulary
    from distill.students.smaller_vocabulary import Content
    from distill.students.trade import Smaller

KEPT_FILES = ("tokenizer_config.json", "special_tokens_map.json")
MOST_UNKNOWN = 0.5
"""Share of a text's tokens that may be unknown ones."""


@dataclass(kw_only=True)
class TrimArguments(ScoringOptions, JsonOptions):
    """Which vocabulary, by which text, how far, and where the result goes."""

    model: str = field(metadata={"help": "checkpoint folder, hub id or preset"})
    out: str = field(metadata={"help": "folder to write, which must be new"})
    text: list[str] = field(
        default_factory=list,
        metadata={"help": "text that the model is to meet: files as `distill.pretrain` takes them"},
    )
    keep: int | None = field(default=None, metadata={"help": "number of entries to keep"})
    coverage: float | None = field(
        default=None,
        metadata={"help": "or: keep as many as cover this share of the text's tokens, in percent"},
    )
    like: str | None = field(
        default=None, metadata={"help": "or: take the vocabulary of this checkpoint, without text"}
    )

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.keep, self.coverage, self.like)) != 1:
            raise UserError("name one of --keep, --coverage and --like")
        if bool(self.text) == (self.like is not None):
            raise UserError("--keep and --coverage need --text, and --like is used without it")
        if self.keep is not None and self.keep < 1:
            raise UserError(f"--keep must be at least 1, not {self.keep}")
        if self.coverage is not None and not 0 < self.coverage <= 100:
            raise UserError(f"--coverage is a percentage above 0, not {self.coverage}")
        self.check_scoring()
        if self.like is not None and self.data is not None:
            raise UserError("--like writes an encoder without a head, which --data cannot score")


@command
def main(argv: Sequence[str] | None = None) -> int:
    words = options_given(argv, TrimArguments, __doc__)
    (arguments,) = parse(words, TrimArguments)
    source = checkpoint_directory(arguments.model)
    check_free(arguments.out)
    out = Path(arguments.out)
    result: Smaller | OtherVocabulary
    from distill.console.progress import quiet

    with quiet():
        if arguments.like:
            result = take_vocabulary(source, checkpoint_directory(arguments.like), out)
            then = f"finetune --model {shlex.quote(str(out))} --task TASK --out RUN"
        else:
            result = trim(source, out, arguments)
            then = f"evaluate {shlex.join([arguments.model, str(out)])} --task TASK --data FILE"
    show_result(arguments, result, lambda found: _show(found, out, then))
    return 0


def _show(result: Smaller | OtherVocabulary, out: Path, then: str) -> None:
    for name, value in result.rows():
        say(f"{name:<24} {value}")
    say(f"the checkpoint is in {out}", f"next: python -m distill.{then}")


def trim(source: Path, out: Path, arguments: TrimArguments) -> Smaller:
    """Write the checkpoint ``source`` with a smaller vocabulary to ``out``.

    Raises:
        UserError: no text, or text of another language; a kind of tokenizer that cannot be
            trimmed; weights that cannot be read; not fewer entries than there are; data to score
            on that does not fit the checkpoint.
    """
    import torch
    from tokenizers import Tokenizer

    from distill.corpus.text_sources import read_texts
    from distill.models.tokenizer import load_tokenizer
    from distill.students.sizes import Change, Trimming
    from distill.students.smaller_embeddings import with_fewer_entries
    from distill.students.smaller_vocabulary import count_ids, entries, trimmed
    from distill.students.trade import TEXTS, Smaller, measured_trade

    content = read_object(source / "tokenizer.json")
    entries_before = len(entries(content))
    tokenizer = load_tokenizer(source)
    scores = scored_before(arguments, source)
    words: Counter[str] = Counter()
    texts = _with_progress(read_texts(arguments.text))
    counts = count_ids(tokenizer, _with_words_counted(texts, words))
    kept = _entries_kept(content, counts, source, arguments)
    smaller = trimmed(content, kept)
    smaller_tokenizer = Tokenizer.from_str(json.dumps(smaller))
    smaller_tokenizer.no_padding()
    smaller_tokenizer.no_truncation()
    model, before = with_fewer_entries(source, torch.tensor(kept))
    cut = Trimming(
        entries=Change(entries_before, len(kept)),
        tokens_covered=sum(counts[number] for number in kept) / counts.total(),
        pieces_per_word=(
            _pieces_per_word(tokenizer, words),
            _pieces_per_word(smaller_tokenizer, words),
        ),
        parameters=Change(before, model.num_parameters()),
    )
    with atomic_directory(out) as staged:
        model.save_pretrained(staged)
        _write_tokenizer(source, staged, smaller, smaller_tokenizer, kept)
        copy_modules(source, staged)
        few = list(islice(read_texts(arguments.text), TEXTS))
        return Smaller(cut, measured_trade(source, staged, few, scores))


def _entries_kept(
    content: Content, counts: Counter[int], source: Path, arguments: TrimArguments
) -> list[int]:
    """The ids of the entries to keep, ascending.

    Raises:
        UserError: no text, or hardly any that the tokenizer knows; or every entry is kept.
    """
    from distill.students.smaller_vocabulary import (
        choose,
        commonest,
        covering,
        entries,
        unknown_ids,
    )

    by_entry = entries(content)
    named = ", ".join(arguments.text)
    if not counts:
        raise UserError(f"{named}: no text to choose the entries by")
    unknown = sum(counts[number] for number in unknown_ids(content, by_entry)) / counts.total()
    if unknown > MOST_UNKNOWN:
        raise UserError(
            f"{named}: {100 * unknown:.0f}% of its tokens are unknown to {source}: it does not "
            "speak this language"
        )
    if arguments.coverage is None:
        most = arguments.keep or len(by_entry)
        kept = choose(content, commonest(content, counts), most)
        if len(kept) > most:
            note(f"--keep {most}: special tokens and single characters alone are {len(kept):,}")
    else:
        kept = choose(content, covering(counts, arguments.coverage), len(by_entry))
    if len(kept) == len(by_entry):
        raise UserError(f"{source} has {len(by_entry):,} entries; keep fewer of them")
    return kept


def take_vocabulary(source: Path, other: Path, out: Path) -> OtherVocabulary:
    """Write the encoder of ``source`` with the vocabulary and tokenizer of ``other`` to ``out``;
    returns and raises as `distill.students.other_vocabulary.with_vocabulary_of`."""
    from distill.runs.run_outputs import copy_tokenizer
    from distill.students.other_vocabulary import with_vocabulary_of

    model, changed = with_vocabulary_of(source, other)
    with atomic_directory(out) as staged:
        model.save_pretrained(staged)
        copy_tokenizer(other, staged)
        copy_modules(source, staged)
    return changed


def _with_words_counted(texts: Iterable[str], words: Counter[str]) -> Iterator[str]:
    for text in texts:
        words.update(text.split())
        yield text


def _with_progress(texts: Iterable[str]) -> Iterable[str]:
    from tqdm import tqdm

    progress: Iterable[str] = tqdm(texts, desc="counting", unit=" texts", leave=False)
    return progress


def _pieces_per_word(tokenizer: Tokenizer, words: Counter[str]) -> float:
    names = list(words)
    encodings = tokenizer.encode_batch(names, add_special_tokens=False)
    pieces = sum(
        len(encoding.ids) * words[name] for name, encoding in zip(names, encodings, strict=True)
    )
    return pieces / words.total()


def _write_tokenizer(
    source: Path, target: Path, content: Content, tokenizer: Tokenizer, kept: list[int]
) -> None:
    from distill.students.smaller_vocabulary import SPELLING

    new = {old: number for number, old in enumerate(kept)}
    text = json.dumps(content, ensure_ascii=False)
    (target / "tokenizer.json").write_text(text, encoding="utf-8")
    if SPELLING[content["model"]["type"]].vocabulary_file:
        names = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        write_vocabulary(target, [name for name, _ in names])
    for name in KEPT_FILES:
        if (source / name).is_file():
            settings = read_object(source / name)
            if "added_tokens_decoder" in settings:
                settings["added_tokens_decoder"] = {
                    str(new[int(number)]): token
                    for number, token in settings["added_tokens_decoder"].items()
                }
            (target / name).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
