"""The folder of a run: which checkpoint it goes on from, what it must agree on to go on, and that
one process at a time writes there."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from distill.console.atomic import atomic_file, clear_all_staged
from distill.console.bounded_files import read_object
from distill.console.errors import UserError, note
from distill.models.sentence_modules import SENTENCE_FILES
from distill.runs.loss_plot import LOSSES_FILE
from distill.runs.whole_checkpoints import CHECKPOINT, damage, newest_first, stranger

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
)
SUMMARY_FILE = "summary.json"  # of several runs, in the folder that theirs are in
WRITTEN = frozenset(
    (
        *(METRICS_FILE, LOSSES_FILE, "README.md", "model.safetensors", *TOKENIZER_FILES),
        *("generation_config.json", "training_args.bin", *SENTENCE_FILES, "1_Pooling"),
    )
)
"""What a run writes by names that people may have in a folder, too."""
ELSEWHERE = "choose another --out"
R = TypeVar("R")


def last_complete_checkpoint(run: Path) -> Path | None:
    """The newest ``checkpoint-N`` that is whole, or None. Those that are damaged are passed over,
    and named on stderr."""
    for path in newest_first(run):
        problem = damage(path)
        if problem is None:
            return path
        note(f"{path}: passed over, {problem}")
    return None


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Keep other commands out of a run's folder, which is made if there is none. Of several
    processes of one run the first one holds the lock.

    Raises:
        UserError: another command is writing there.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    run.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(run, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UserError(
            f"{run}: another command is training there; wait for it, or choose another --out"
        ) from None
    except OSError:  # a file system without locks
        pass
    try:
        for folder in (run, *newest_first(run)):
            clear_all_staged(folder)
        yield
    finally:
        os.close(descriptor)


def claim_run(run: Path, settings: dict[str, object]) -> None:
    """Record the settings of a run in its folder, or check them against those recorded there. A
    folder in which nothing has been trained, because the data was not there for example, is free,
    unless it holds files that the run would write over.

    Raises:
        UserError: the folder holds a run of other settings, a model of which none are known, or
            other files of the names that a run writes.
    """
    recorded = run / RUN_FILE
    if not recorded.is_file() and ((run / "config.json").is_file() or _trained(run)):
        raise UserError(
            f"{run} holds a model without the {RUN_FILE} of its run, and it would be lost; choose "
            "another --out"
        )
    old = _record(run, settings)
    differing = sorted(k for k in old.keys() | settings.keys() if old.get(k) != settings.get(k))
    if recorded.is_file() and (_trained(run) or not differing):
        if differing:
            key = differing[0]
            raise UserError(
                f"{run} holds a run with {key} = {old.get(key)!r}, not {settings.get(key)!r}; "
                "choose another --out, or the same settings to resume it"
            )
        return
    for path in sorted(run.glob("*")):
        if (path.name in WRITTEN or CHECKPOINT.fullmatch(path.name)) and not old:
            raise UserError(f"{path} does not belong to a run, and it would be lost; {ELSEWHERE}")
    with atomic_file(recorded) as staged:
        staged.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _record(run: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings recorded in a folder, {} where there are none.

    Raises:
        UserError: what is recorded there has none of the names of settings.
    """
    recorded = run / RUN_FILE
    old = read_object(recorded) if recorded.is_file() else {}
    if old and old.keys().isdisjoint(settings):
        raise UserError(f"{recorded} is not the record of a run, and it would be lost; {ELSEWHERE}")
    return old


def _trained(run: Path) -> bool:
    return (run / METRICS_FILE).is_file() or any(
        (path / "trainer_state.json").is_file() for path in newest_first(run)
    )


def finished_run(
    run: Path, settings: dict[str, object], read: Callable[[dict[str, object]], R]
) -> R | None:
    """What a run left in its ``metrics.json``, which it writes last, as ``read`` takes it, with a
    note on stderr that says when; None where the run has not ended.

    Raises:
        UserError: as `claim_run`; or ``read`` does not find there what it needs.
    """
    metrics = run / METRICS_FILE
    if not metrics.is_file():
        return None
    claim_run(run, settings)
    written = datetime.fromtimestamp(metrics.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    note(f"{run}: finished on {written}, not run again; --force runs it again")
    stored = read_object(metrics)
    try:
        return read(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{metrics} is not the result of a run ({error}); --force runs it again"
        ) from None


def where_the_model_is(run: Path, then: str) -> tuple[str, ...]:
    """The last lines that a training prints: the folder of a run, or of several, and the command
    that takes its model on: ``then`` with the place of ``{}``."""
    if not (run / METRICS_FILE).is_file() and (run / SUMMARY_FILE).is_file():
        return (f"the models are in {run}, a folder each; {SUMMARY_FILE} there compares them",)
    drawn = f", {LOSSES_FILE} draws them" if (run / LOSSES_FILE).is_file() else ""
    place = f"the model is in {run}; {METRICS_FILE} there has all settings and losses{drawn}"
    return place, f"next: python -m {then.format(shlex.quote(str(run)))}"


def clear_run(run: Path, settings: dict[str, Any]) -> None:
    """Forget what a run left, so that it runs again from its first step: its metrics with
    their picture, and its checkpoints. Other files stay.

    Args:
        settings: of the run to come.

    Raises:
        UserError: the folder holds a model, but not the record of a run; or a checkpoint holds
            files that no run wrote.
    """
    if not (run / RUN_FILE).is_file():
        if (run / "config.json").is_file():
            raise UserError(f"{run} holds a model without the {RUN_FILE} of its run; not removed")
        return
    _record(run, settings)
    checkpoints = [path for path in newest_first(run) if (path / "trainer_state.json").is_file()]
    for path in checkpoints:
        if file := stranger(path):
            raise UserError(
                f"{file} does not belong to a run; move it before --force clears {path.name}"
            )
    for path in checkpoints:
        shutil.rmtree(path)
    for name in (METRICS_FILE, LOSSES_FILE):
        (run / name).unlink(missing_ok=True)
