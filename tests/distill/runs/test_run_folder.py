"""A run goes on from its last complete checkpoint, and only as the run it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.console.errors import UserError
from distill.models.checkpoint_folder import check_length
from distill.runs.finetune_result import FinetuneResult
from distill.runs.pretraining_result import PretrainingResult
from distill.runs.run_folder import (
    RUN_FILE,
    claim_run,
    clear_run,
    finished_run,
    last_complete_checkpoint,
    locked,
)
from distill.runs.whole_checkpoints import drop_older, seal


def checkpoint(run: Path, step: int, state: str | None) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    if state is not None:
        (folder / "trainer_state.json").write_text(state)
        seal(folder)
    return folder


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "trainer_state.json"])
@pytest.mark.parametrize("content", [None, b"", b"cut", b"foreign weights"])
def test_a_damaged_checkpoint_is_passed_over_and_named(
    name: str, content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = checkpoint(tmp_path, 900, json.dumps({"global_step": 900}))
    damaged = checkpoint(tmp_path, 1000, json.dumps({"global_step": 1000}))
    (damaged / "optimizer.pt").write_bytes(b"moments")
    seal(damaged)
    if content is None:
        (damaged / name).unlink()
    else:
        (damaged / name).write_bytes(content)
    assert last_complete_checkpoint(tmp_path) == whole
    assert f"checkpoint-1000: passed over, {name} is" in capsys.readouterr().err


def test_one_command_at_a_time_writes_to_a_folder(tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match="another command is training there")
    with locked(tmp_path / "run"), refused, locked(tmp_path / "run"):
        pass
    with locked(tmp_path / "run"):
        pass


def test_a_cleared_run_keeps_the_files_of_others(tmp_path: Path) -> None:
    claim_run(tmp_path, {"seed": 1})
    checkpoint(tmp_path, 100, json.dumps({"global_step": 100}))
    (tmp_path / "checkpoint-7").mkdir()
    (tmp_path / "checkpoint-7" / "notes.txt").write_text("mine")
    (tmp_path / "metrics.json").write_text("{}")
    clear_run(tmp_path, {"seed": 2})
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["checkpoint-7", "notes.txt", "run.json"]
    claim_run(tmp_path, {"seed": 2})


def test_a_cleared_run_runs_again_with_other_settings_over_its_own_files(tmp_path: Path) -> None:
    claim_run(tmp_path, {"seed": 1, "lr": 1})
    for name in ("config.json", "model.safetensors", "README.md", "tokenizer.json", "metrics.json"):
        (tmp_path / name).write_text("{}")
    clear_run(tmp_path, {"seed": 2})
    claim_run(tmp_path, {"seed": 2, "lr": 1})
    assert json.loads((tmp_path / RUN_FILE).read_text())["seed"] == 2


def test_a_folder_whose_run_json_is_of_others_is_not_cleared(tmp_path: Path) -> None:
    for name in (RUN_FILE, "metrics.json", "losses.png"):
        (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(UserError, match=r"run\.json is not the record of a run"):
        clear_run(tmp_path, {"seed": 2})
    assert len(list(tmp_path.iterdir())) == 3


def test_a_checkpoint_with_notes_in_it_is_not_cleared(tmp_path: Path) -> None:
    claim_run(tmp_path, {"seed": 1})
    kept = checkpoint(tmp_path, 100, json.dumps({"global_step": 100}))
    noted = checkpoint(tmp_path, 200, json.dumps({"global_step": 200}))
    (noted / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"notes\.txt does not belong to a run; move it"):
        clear_run(tmp_path, {"seed": 2})
    assert kept.exists() and noted.exists()


def test_older_checkpoints_go_and_the_folders_of_others_stay(tmp_path: Path) -> None:
    """`transformers` removes whatever is called checkpoint-something, the oldest first."""
    steps = [checkpoint(tmp_path, step, "{}") for step in (10, 20, 30, 40, 50)]
    for age, folder in enumerate(steps):
        os.utime(folder, (age, age))
    (tmp_path / "checkpoint-thesis").mkdir()
    (steps[1] / "notes.txt").write_text("mine")
    drop_older(tmp_path, steps[4], None, None)
    assert all(folder.exists() for folder in steps)
    drop_older(tmp_path, steps[4], 3, str(steps[0]))
    left = sorted(path.name for path in tmp_path.iterdir())
    numbers = ("10", "20", "40", "50", "thesis")
    assert left == [f"checkpoint-{number}" for number in numbers]
    drop_older(tmp_path, steps[4], 1, None)
    assert [folder.exists() for folder in steps] == [False, True, False, False, True]


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "vocab.txt", "metrics.json", "model.safetensors"),
        *("modules.json", "checkpoint-3"),
    ],
)
def test_files_that_a_run_would_write_over_are_kept(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=f"{name} does not belong to a run|holds a model without"):
        claim_run(tmp_path, {"seed": 1})
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_run_json_of_another_program_is_kept(tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_text('{"scripts": {"start": "node ."}}')
    with pytest.raises(UserError, match="is not the record of a run"):
        claim_run(tmp_path, {"seed": 1})
    assert "node" in (tmp_path / RUN_FILE).read_text()


@pytest.mark.parametrize("cut_short", [None, "", '{"global_step": 1', "[]", "{}"])
def test_a_checkpoint_cut_short_is_passed_over(cut_short: str | None, tmp_path: Path) -> None:
    complete = checkpoint(tmp_path, 900, json.dumps({"global_step": 900}))
    folder = checkpoint(tmp_path, 1000, None)
    if cut_short is not None:
        (folder / "trainer_state.json").write_text(cut_short)
    assert last_complete_checkpoint(tmp_path) == complete


def test_the_newest_is_the_one_of_the_highest_step(tmp_path: Path) -> None:
    for step in (200, 1000, 600):
        checkpoint(tmp_path, step, json.dumps({"global_step": step}))
    (tmp_path / "checkpoint-best").mkdir()
    found = last_complete_checkpoint(tmp_path)
    assert found is not None and found.name == "checkpoint-1000"


def test_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    assert last_complete_checkpoint(tmp_path) is None


def test_a_run_of_other_settings_is_refused_and_kept(tmp_path: Path) -> None:
    claim_run(tmp_path, {"learning_rate": 1e-4, "seed": 1})
    checkpoint(tmp_path, 100, json.dumps({"global_step": 100}))
    claim_run(tmp_path, {"learning_rate": 1e-4, "seed": 1})
    before = (tmp_path / RUN_FILE).read_bytes()
    with pytest.raises(UserError, match=r"seed = 1, not 2.*another --out"):
        claim_run(tmp_path, {"learning_rate": 1e-4, "seed": 2})
    assert (tmp_path / RUN_FILE).read_bytes() == before


def test_a_folder_in_which_nothing_was_trained_is_free(tmp_path: Path) -> None:
    """A run that stopped at a misspelt name can be started again with the right one."""
    claim_run(tmp_path, {"train_file": "trian.json"})
    checkpoint(tmp_path, 100, None)  # cut short
    claim_run(tmp_path, {"train_file": "train.json"})
    assert json.loads((tmp_path / RUN_FILE).read_text()) == {"train_file": "train.json"}


def test_a_finished_run_gives_its_result_to_the_same_settings_alone(tmp_path: Path) -> None:
    claim_run(tmp_path, {"seed": 1})
    assert finished_run(tmp_path, {"seed": 1}, dict) is None
    (tmp_path / "metrics.json").write_text('{"loss": 2.5}')
    assert finished_run(tmp_path, {"seed": 1}, dict) == {"loss": 2.5}
    with pytest.raises(UserError, match="seed = 1, not 2"):
        finished_run(tmp_path, {"seed": 2}, dict)


@pytest.mark.parametrize("read", [FinetuneResult.from_json, PretrainingResult.from_json])
def test_metrics_of_another_kind_are_one_line(read: Callable[..., object], tmp_path: Path) -> None:
    claim_run(tmp_path, {"seed": 1})
    (tmp_path / "metrics.json").write_text('{"loss": 2.5}')
    with pytest.raises(UserError, match=r"metrics\.json is not the result .* --force"):
        finished_run(tmp_path, {"seed": 1}, read)


@pytest.mark.parametrize("name", ["config.json", "checkpoint-100/trainer_state.json"])
def test_a_model_of_which_nothing_is_known_is_not_overwritten(name: str, tmp_path: Path) -> None:
    """Nor gone on with: its settings may have been others."""
    checkpoint(tmp_path, 100, None)
    (tmp_path / name).write_text('{"global_step": 100}')
    with pytest.raises(UserError, match=r"holds a model without the run\.json"):
        claim_run(tmp_path, {"seed": 1})
    assert not (tmp_path / RUN_FILE).exists()


@pytest.mark.parametrize("content", ["", '{"seed": ', "[]", "1"])
def test_records_that_are_damaged_are_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / RUN_FILE).write_text(content)
    (tmp_path / "config.json").write_text(content)
    for read in (
        lambda: claim_run(tmp_path, {"seed": 1}),
        lambda: finished_run(tmp_path, {"seed": 1}, dict),
        lambda: check_length(tmp_path, 8),
    ):
        with pytest.raises(UserError, match=r"(run|config)\.json: not a JSON"):
            read()


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514}, 512),
    ],
)
def test_inputs_must_fit_the_position_table(
    config: dict[str, object], longest: int, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    check_length(tmp_path, longest)
    with pytest.raises(UserError, match=f"at most {longest} tokens, not {longest + 1}"):
        check_length(tmp_path, longest + 1)


def test_a_model_without_position_table_takes_any_length(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "deberta-v2"}')
    check_length(tmp_path, 10_000)


def test_a_locked_run_is_cleared_of_what_killed_processes_left(tmp_path: Path) -> None:
    """Killed when a file had its name, a run that is at its end writes that file no more."""
    run = tmp_path / "run"
    left = (run / ".metrics.json.staged-abcdefgh", run / "checkpoint-5" / ".seal.staged-abcdefgh")
    for folder in left:
        folder.mkdir(parents=True, mode=0o700)
        (folder / folder.name[1:].removesuffix(".staged-abcdefgh")).touch()
    (run / ".notes.staged-by-me").mkdir()
    with locked(run):
        assert not any(folder.exists() for folder in left)
        assert (run / ".notes.staged-by-me").is_dir()
