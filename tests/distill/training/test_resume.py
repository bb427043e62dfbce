"""A run killed and resumed, or shared by two processes, is the run of one left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

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


def test_checkpoints_that_were_cut_short_are_passed_over(tmp_path: Path) -> None:
    for step, state in ((5, '{"global_step": 5}'), (10, '{"global_st'), (15, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state:
            (folder / "trainer_state.json").write_text(state)
    assert last_complete_checkpoint(tmp_path) == tmp_path / "checkpoint-5"
    assert last_complete_checkpoint(tmp_path / "none") is None


def test_two_processes_equal_one_of_the_same_global_batch(configured, by_two_processes) -> None:
    """Two epochs, so that both processes have to be told of the second."""
    options = {"max_steps": 14, "dropout": 0, "save_strategy": "no"}
    path, one = configured("one", gradient_accumulation_steps=2, **options)
    run(path)
    path, two = configured("two", gradient_accumulation_steps=1, use_cpu=False, **options)
    by_two_processes("distill.pretrain", path)
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (one, two)]
    assert metrics[0]["tokens_seen"] == metrics[1]["tokens_seen"]
    assert metrics[1]["log"][-2]["epoch"] > 1
    for key in ("loss", "loss_masked", "loss_distillation", "loss_cosine", "grad_norm"):
        of_one, of_two = ([row[key] for row in m["log"] if key in row] for m in metrics)
        assert of_two == pytest.approx(of_one, rel=1e-4, abs=1e-5)
    (_, expected), (_, found) = outcome(one), outcome(two)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-3)
