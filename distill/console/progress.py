"""What a training command shows: progress on stderr, its result alone on stdout, and no notes of
libraries about what is expected."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from transformers import ProgressCallback
from transformers.utils import logging

from distill.console.tables import between_words

if TYPE_CHECKING:
    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

UNSHOWN = ("total_flos", "num_input_tokens_seen", "epoch")
UNSHOWN_ENDINGS = ("_runtime", "_per_second")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within it `transformers` reports errors only, not every head that a checkpoint lacks, and
    what is printed goes to stderr."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


class ReadableProgress(ProgressCallback):
    """The Trainer's bar, with its logs as sentences."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: object,
    ) -> None:
        """Called by the Trainer: write the logs above the bar, in words."""
        if state.is_world_process_zero and self.training_bar is not None:
            shown = [
                f"{name.replace('_', ' ')} {value:.4g}"
                for name, value in (logs or {}).items()
                if name not in UNSHOWN and not name.endswith(UNSHOWN_ENDINGS)
            ]
            line = f"step {state.global_step} of {state.max_steps}: {', '.join(shown)}"
            lines = between_words(line, sys.stderr.isatty())
            self.training_bar.write("\n".join(lines), file=sys.stderr)


def show_progress(trainer: Trainer, progress: ReadableProgress | None = None) -> None:
    """Let a Trainer that shows a bar show this one."""
    trainer.remove_callback(ProgressCallback)
    if not trainer.args.disable_tqdm:
        trainer.add_callback(progress or ReadableProgress())
