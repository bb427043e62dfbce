"""The options that say what a task reads and how it cuts it; training and scoring share them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields

from distill.console.errors import UserError

SHORTEST = 8  # tokens of an input


@dataclass(kw_only=True)
class TaskOptions:
    """Every option of every task; a task names those that it takes."""

    data: str | None = field(
        default=None,
        metadata={
            "help": "GLUE, imdb: folder in the official layout, or hub; own data: CSV, TSV, JSONL, "
            "CoNLL, FOLDER[:SPLIT] or hub:NAME[:CONFIG[:SPLIT]]"
        },
    )
    eval_data: str | None = field(
        default=None, metadata={"help": "own data: rows to score on; default: a split of --data"}
    )
    train_file: str = field(
        default="", metadata={"help": "squad: training data in SQuAD format, or hub:NAME[:SPLIT]"}
    )
    extra_files: list[str] = field(
        default_factory=list,
        metadata={
            "help": "squad: more training data, such as that of distill.cloze; none is held out"
        },
    )
    held_out: float = field(
        default=0.02, metadata={"help": "squad: share of the passages kept for the final check"}
    )
    eval_share: float = field(
        default=0.1,
        metadata={"help": "own data: share of the rows to score on, without --eval_data"},
    )
    text: list[str] = field(
        default_factory=list, metadata={"help": "own data: column of the text, or two columns"}
    )
    label: str | None = field(default=None, metadata={"help": "own data: column of the label"})
    problem: str = field(
        default="auto",
        metadata={"help": "classify: kind of problem: auto, single_label, multi_label, regression"},
    )
    class_weights: bool = field(
        default=False, metadata={"help": "classify: weigh classes by 1 / their share of the rows"}
    )
    max_length: int = field(
        default=0, metadata={"help": "longest input in tokens; 0: squad 384, imdb 512, others 128"}
    )
    doc_stride: int = field(
        default=128,
        metadata={"help": "squad: tokens from the start of a window to that of the next"},
    )
    max_answer_length: int = field(default=30, metadata={"help": "squad: longest answer in tokens"})
    null_threshold: float = field(
        default=0.0,
        metadata={"help": "squad2: by how much no answer must score above the best span"},
    )
    on_mismatch: str = field(
        default="skip",
        metadata={"help": "squad: skip or refuse answers that are not at their answer_start"},
    )


def changed(options: object, names: Iterable[str]) -> list[str]:
    """The options among ``names`` whose values are not their defaults."""
    defaults = {
        f.name: f.default_factory() if f.default_factory is not MISSING else f.default
        for f in fields(TaskOptions)
    }
    return [name for name in names if getattr(options, name) != defaults[name]]


def check_lengths(options: TaskOptions) -> None:
    """Raises:
    UserError: a length or a share that makes no sense.
    """
    if options.max_length < SHORTEST or options.doc_stride < 1:
        raise UserError(
            f"--max_length must be at least {SHORTEST} and --doc_stride 1, not "
            f"{options.max_length} and {options.doc_stride}"
        )
    if options.max_answer_length < 1:
        raise UserError(f"--max_answer_length must be at least 1, not {options.max_answer_length}")
    if not 0 <= options.held_out < 1:
        raise UserError(f"--held_out must be at least 0 and below 1, not {options.held_out}")
    if not 0 < options.eval_share < 1:
        raise UserError(f"--eval_share must be between 0 and 1, not {options.eval_share}")
