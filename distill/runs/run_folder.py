"""The folder of a run: which checkpoint it goes on from, and what it must agree on to go on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.models.checkpoint_folder import read_object

RUN_FILE, METRICS_FILE = "run.json", "metrics.json"
SUMMARY_FILE = "summary.json"  # of several runs, in the folder that theirs are in


def last_complete_checkpoint(run: Path) -> Path | None:
    """The newest ``checkpoint-N`` that was written to its end, or None.

    The Trainer writes ``trainer_state.json`` last, so a checkpoint that was cut short, by a kill
    or a full disk, has none that can be read.
    """
    numbered = [
        (int(match[1]), path)
        for path in run.glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", path.name))
    ]
    for _, path in sorted(numbered, reverse=True):
        if _readable(path / "trainer_state.json"):
            return path
    return None


def _readable(state: Path) -> bool:
    try:
        return "global_step" in json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def claim_run(run: Path, settings: dict[str, Any]) -> None:
    """Record the settings of a run in its folder, or check them against those recorded there. A
    folder in which nothing has been trained, because the data was not there for example, is free.

    Raises:
        UserError: the folder holds a run of other settings, or a model of which none are known.
    """
    recorded = run / RUN_FILE
    if not recorded.is_file() and ((run / "config.json").is_file() or _trained(run)):
        raise UserError(
            f"{run} holds a model without the {RUN_FILE} of its run, and it would be lost; choose "
            "another --output_dir"
        )
    if recorded.is_file() and _trained(run):
        old = read_object(recorded)
        differing = sorted(k for k in old.keys() | settings.keys() if old.get(k) != settings.get(k))
        if differing:
            key = differing[0]
            raise UserError(
                f"{run} holds a run with {key} = {old.get(key)!r}, not {settings.get(key)!r}; "
                "choose another --output_dir, or the same settings to resume it"
            )
        return
    with atomic_file(recorded) as staged:
        staged.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _trained(run: Path) -> bool:
    return (run / METRICS_FILE).is_file() or last_complete_checkpoint(run) is not None


def finished_run(run: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """What a run left in its ``metrics.json``, which it writes last; None where it has not come to
    its end.

    Raises:
        UserError: as `claim_run`.
    """
    if not (run / METRICS_FILE).is_file():
        return None
    claim_run(run, settings)
    return read_object(run / METRICS_FILE)
