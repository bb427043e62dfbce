"""What was started and what trains are compared."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import TrainingArguments

from distill.console.errors import UserError
from distill.training.processes import use_cpus_together
from distill.training.settings import check_training, schedule
from tests.distill import one_step


@pytest.fixture
def alone(tmp_path: Path) -> TrainingArguments:
    return TrainingArguments(output_dir=str(tmp_path), use_cpu=True)


def test_processes_that_would_each_train_alone_are_refused(
    alone: TrainingArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_training(alone)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 processes were started, but each trains by itself"):
        check_training(alone)


def test_cpus_are_chosen_where_there_is_no_gpu(
    alone: TrainingArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone.use_cpu = False
    for started, gpu, cpus in (("1", False, False), ("2", True, False), ("2", False, True)):
        monkeypatch.setenv("WORLD_SIZE", started)
        monkeypatch.setattr(torch.cuda, "is_available", lambda gpu=gpu: gpu)
        use_cpus_together(alone)
        assert (alone.use_cpu, alone.ddp_backend) == (cpus, "gloo" if cpus else None)


def test_the_number_of_processes_is_part_of_a_run(alone: TrainingArguments) -> None:
    assert schedule(alone)["processes"] == 1


LAUNCHER = {"RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "{port}"}


@pytest.mark.slow
def test_several_processes_of_which_accelerate_starts_one_are_refused(
    pair: dict[str, Path], table: Path, tmp_path: Path
) -> None:
    """Without --multi_gpu it starts one process on CPUs, whatever --num_processes says."""
    launch = ["accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    line = ["--task", "classify", "--data", str(table), "--eval_data", str(table)]
    line += ["--model", str(pair["student"]), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", *launch, "-m", "distill.finetune", *line],
        capture_output=True, text=True, check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode and not (tmp_path / "run").exists()
    assert "error: accelerate launch was asked for several processes and started one" in done.stderr


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ({"WORLD_SIZE": "2"}, "2 processes were started, as the environment says, but RANK is not"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "but MASTER_ADDR is not set: start them with torchrun"),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, "2 processes were started"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two' in the environment, not a number"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE is '0' in the environment"),
        ({"WORLD_SIZE": "-1"}, "WORLD_SIZE is '-1' in the environment"),
        ({**LAUNCHER, "WORLD_SIZE": "2", "RANK": "5"}, "RANK is '5', not one of 0 to 1"),
        ({**LAUNCHER, "WORLD_SIZE": "2"}, "did not meet within 2 seconds (--ddp_timeout)"),
    ],
)
def test_process_that_is_not_one_of_those_started_is_one_line(
    says: dict[str, str],
    message: str,
    pair: dict[str, Path],
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A process whose companions never came waited for half an hour, whatever --ddp_timeout said;
    one of mpirun trained alone."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    for name, value in says.items():
        monkeypatch.setenv(name, value.format(port=port))
    assert one_step.run(pair, table, tmp_path / "run", "--ddp_timeout", "2") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run" / "metrics.json").exists()
