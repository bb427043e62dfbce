"""A run killed and resumed, or shared by two processes, is the run of one left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from distill.console.errors import UserError
from distill.console.options import parse
from distill.runs.run_folder import last_complete_checkpoint
from distill.training.pretraining_run import ReferenceTraining, pretrain
from distill.training.settings import PretrainSettings

COMMON = {
    "layers": 2,
    "sequence_length": 64,
    "per_device_train_batch_size": 4,
    "logging_steps": 1,
    "save_steps": 5,
    "report_to": "none",
    "use_cpu": True,
    "learning_rate": 3e-3,
}
# Dies by kill -9 between the model and the optimizer of the second checkpoint.
KILLED = """
import os, signal, sys
from distill.training import distill_trainer as engine
save = engine.DistillTrainer._save_optimizer_and_scheduler
def killed(self, directory):
    if self.state.global_step == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, directory)
engine.DistillTrainer._save_optimizer_and_scheduler = killed
from distill.pretrain import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def configured(small_teacher: Path, text_file: Path, tmp_path: Path):
    def write(name: str, **options: Any) -> tuple[Path, Path]:
        """(configuration file, folder of the run)"""
        out, path = tmp_path / name, tmp_path / f"{name}.json"
        given = {"teacher": str(small_teacher), "text": str(text_file), **COMMON, **options}
        path.write_text(json.dumps({"output_dir": str(out), **given}))
        return path, out

    return write


def run(path: Path) -> None:
    pretrain(*parse([str(path)], PretrainSettings, ReferenceTraining))


def outcome(folder: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    metrics = json.loads((folder / "metrics.json").read_text())
    losses = [row["loss"] for row in metrics["log"] if "loss" in row]
    return losses, load_file(folder / "model.safetensors")


@pytest.mark.slow
def test_killed_in_a_checkpoint_and_resumed_equals_uninterrupted(configured) -> None:
    """Dropout on, in the middle of the second epoch, with accumulation."""
    options = {"max_steps": 14, "gradient_accumulation_steps": 2}
    path, whole = configured("whole", **options)
    run(path)
    path, cut = configured("cut", **options)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, path],
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},  # the same rounding
    )
    assert done.returncode == -signal.SIGKILL
    assert (cut / "checkpoint-10" / "model.safetensors").is_file()
    assert last_complete_checkpoint(cut) == cut / "checkpoint-5"
    run(path)
    resumed = json.loads((cut / "metrics.json").read_text())
    assert resumed["resumed_from"] == 5
    expected = json.loads((whole / "metrics.json").read_text())
    assert resumed["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-6)
    assert resumed["log"][0]["epoch"] < 1 < resumed["log"][-2]["epoch"]  # an epoch was crossed
    (losses, weights), (expected, wanted) = outcome(cut), outcome(whole)
    assert losses == expected
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_a_run_killed_after_its_last_step_takes_no_other_one(schedule: str, configured) -> None:
    """In the window between the last checkpoint and metrics.json, the final evaluation."""
    path, folder = configured("run", max_steps=6, lr_scheduler_type=schedule)
    run(path)
    losses, weights = outcome(folder)
    expected = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").unlink()
    run(path)
    found = json.loads((folder / "metrics.json").read_text())
    again, resumed = outcome(folder)
    assert (found["steps"], found["resumed_from"], again) == (6, 6, losses)
    assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-6)
    assert all(torch.equal(resumed[name], weights[name]) for name in weights)


@pytest.mark.slow
def test_damaged_checkpoints_lead_to_the_newest_whole_one(configured, capsys) -> None:
    path, folder = configured("run", max_steps=14)
    run(path)
    _, weights = outcome(folder)
    names = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"]
    assert all((folder / "checkpoint-14" / name).is_file() for name in names)
    (folder / "metrics.json").unlink()
    (folder / "checkpoint-14" / "optimizer.pt").write_bytes(b"")
    (folder / "checkpoint-10" / "rng_state.pth").unlink()
    run(path)
    notes = capsys.readouterr().err
    assert "checkpoint-14: passed over, optimizer.pt is not the file" in notes
    assert "checkpoint-10: passed over, rng_state.pth is missing" in notes
    assert json.loads((folder / "metrics.json").read_text())["resumed_from"] == 5
    _, again = outcome(folder)
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_a_finished_run_is_said_and_runs_again_by_force(configured, capsys) -> None:
    path, folder = configured("run", max_steps=2)
    run(path)
    first = (folder / "metrics.json").stat().st_mtime_ns
    run(path)
    assert "not run again; --force runs it again" in capsys.readouterr().err
    assert (folder / "metrics.json").stat().st_mtime_ns == first
    path.write_text(json.dumps({**json.loads(path.read_text()), "force": True}))
    run(path)
    assert (folder / "metrics.json").stat().st_mtime_ns > first


def test_other_text_of_the_same_size_is_another_corpus(
    configured, text_file: Path, tmp_path: Path
) -> None:
    text = shutil.copy(text_file, tmp_path / "own.txt")
    path, _ = configured("run", max_steps=1, text=str(text))
    run(path)
    own = json.loads(path.read_text())
    Path(text).write_text(Path(text).read_text().replace("the", "not"))
    path.write_text(json.dumps({**own, "output_dir": str(tmp_path / "other")}))
    shutil.copytree(tmp_path / "run" / "corpus", tmp_path / "other" / "corpus")
    with pytest.raises(UserError, match="holds a corpus with sources"):
        run(path)


def test_a_loss_that_is_not_finite_stops_at_once(configured) -> None:
    """And leaves no model, but the last good checkpoint."""
    path, folder = configured("run", max_steps=9, save_steps=1, learning_rate=1e30)
    with pytest.raises(UserError, match=r"step \d: .*not finite|step \d: the loss is nan"):
        run(path)
    assert not (folder / "metrics.json").exists() and not (folder / "model.safetensors").exists()
    for kept in folder.glob("checkpoint-*"):
        weights = load_file(kept / "model.safetensors")
        assert all(bool(torch.isfinite(tensor).all()) for tensor in weights.values())


@pytest.mark.parametrize("masked_only", [False, True])
@pytest.mark.slow
def test_two_processes_equal_one_of_the_same_global_batch(
    masked_only: bool, configured, by_two_processes
) -> None:
    """Two epochs, so that both processes have to be told of the second; and held-out sequences of
    an odd number of batches, the last of them short."""
    options = {"max_steps": 14, "dropout": 0, "save_strategy": "no"}
    options |= {"held_out": 0.2, "per_device_eval_batch_size": 3, "masked_only": masked_only}
    path, one = configured("one", gradient_accumulation_steps=2, **options)
    run(path)
    path, two = configured("two", gradient_accumulation_steps=1, use_cpu=False, **options)
    by_two_processes("distill.pretrain", path)
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (one, two)]
    assert metrics[0]["tokens_seen"] == metrics[1]["tokens_seen"]
    assert metrics[0]["held_out_sequences"] % 6 in (1, 2, 3)
    assert metrics[1]["evaluation"] == pytest.approx(metrics[0]["evaluation"], rel=1e-4)
    assert any(row["epoch"] > 1 for row in metrics[1]["log"] if "loss" in row)
    for key in ("loss", "loss_masked", "loss_distillation", "loss_cosine", "grad_norm"):
        of_one, of_two = ([row[key] for row in m["log"] if key in row] for m in metrics)
        assert of_two == pytest.approx(of_one, rel=1e-4, abs=1e-5)
    (_, expected), (_, found) = outcome(one), outcome(two)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-3)
