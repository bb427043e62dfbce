"""What was started and what trains are compared."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import TrainingArguments

from distill.console.errors import UserError
from distill.training.processes import use_cpus_together
from distill.training.settings import check_training, schedule


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
