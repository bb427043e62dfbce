"""Where a checkpoint is, which one a run goes on from, and what it must agree on to go on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from distill import DistillError
from distill.atomic import atomic_file
from distill.presets import PRESETS, preset_directory

RUN_FILE, METRICS_FILE = "run.json", "metrics.json"
SUMMARY_FILE = "summary.json"  # of several runs, in the folder that theirs are in
# Families that number positions from one after the padding token's id.
POSITIONS_AFTER_PADDING = (
    "roberta",
    "xlm-roberta",
    "camembert",
    "mpnet",
    "longformer",
    "data2vec-text",
)


def checkpoint_directory(model: str) -> Path:
    """The directory of a preset's weights, or ``model`` itself as a directory.

    Raises:
        DistillError: there is no such checkpoint here.
    """
    directory = preset_directory(model) if model in PRESETS else Path(model)
    if directory is None:
        raise DistillError(f"the weights of {model} are not on this machine; name a directory")
    if not (directory / "config.json").is_file():
        raise DistillError(f"{directory}: no checkpoint there (config.json is missing)")
    return directory


def read_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds an object.

    Raises:
        DistillError: it holds none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DistillError(f"{path}: damaged, no JSON ({error})") from None
    if not isinstance(content, dict):
        raise DistillError(f"{path}: damaged, no JSON object")
    return content


def check_length(directory: Path, length: int) -> None:
    """Check that the position table of a checkpoint has room for inputs of ``length`` tokens.

    Raises:
        DistillError: it has not.
    """
    config = read_object(directory / "config.json")
    limit = config.get("max_position_embeddings")
    if limit is None:
        return
    if config.get("model_type") in POSITIONS_AFTER_PADDING:
        limit -= config.get("pad_token_id", 1) + 1
    if length > limit:
        raise DistillError(f"{directory} takes inputs of at most {limit} tokens, not {length}")


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
        DistillError: the folder holds a run of other settings, or a model of which none are known.
    """
    recorded = run / RUN_FILE
    if not recorded.is_file() and ((run / "config.json").is_file() or _trained(run)):
        raise DistillError(
            f"{run} holds a model without the {RUN_FILE} of its run, and it would be lost; choose "
            "another --output_dir"
        )
    if recorded.is_file() and _trained(run):
        old = read_object(recorded)
        differing = sorted(k for k in old.keys() | settings.keys() if old.get(k) != settings.get(k))
        if differing:
            key = differing[0]
            raise DistillError(
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
        DistillError: as `claim_run`.
    """
    if not (run / METRICS_FILE).is_file():
        return None
    claim_run(run, settings)
    return read_object(run / METRICS_FILE)
