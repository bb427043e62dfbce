"""Teachers are scored, and models evaluated, on the device that trains; ``meta`` stands for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch

from distill.console.errors import UserError
from distill.evaluate import main as evaluate
from distill.models import loading
from distill.tasks import batches
from distill.tasks.options import TaskOptions
from distill.tasks.table import TASKS
from distill.training import finetuning, teacher_choice

META = torch.device("meta")
TRAINING: Any = SimpleNamespace(
    seed=0, device=META, should_save=False, eval_strategy="no", eval_on_start=False
)


@pytest.fixture
def sst2(tmp_path: Path) -> Path:
    (tmp_path / "SST-2").mkdir()
    for split in ("train", "dev"):
        text = "sentence\tlabel\nA dull film.\t0\nMoving.\t1\n"
        (tmp_path / "SST-2" / f"{split}.tsv").write_text(text, encoding="utf-8")
    return tmp_path


def refuse_by_device(task: Any, model: torch.nn.Module, *_: Any, **__: Any) -> NoReturn:
    raise UserError(f"scored on {next(model.parameters()).device}")


def test_a_teacher_is_scored_where_it_teaches(
    checkpoints: dict[str, Path], sst2: Path, squad_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_choice, "score_model", refuse_by_device)
    settings = finetuning.Distillation(logits_cache=str(sst2 / "logits"))
    for name, own in (("sst2", {"data": str(sst2)}), ("squad", {"train_file": str(squad_file)})):
        options = TaskOptions(max_length=64, held_out=0.9, **own)
        place = checkpoints[name]
        with pytest.raises(UserError, match="scored on meta"):
            finetuning.finetune(TASKS[name], (place, place), options, settings, TRAINING, None)


def test_evaluation_takes_the_device_that_is_there(
    checkpoints: dict[str, Path],
    sst2: Path,
    squad_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(loading, "scoring_device", lambda: META)
    monkeypatch.setattr(batches, "score_model", refuse_by_device)
    for task, data in (("sst2", sst2), ("squad", squad_file)):
        options = ["--task", task, "--model", str(checkpoints[task]), "--data", str(data)]
        assert evaluate([*options, "--max_length", "64"]) == 2
        assert "scored on meta" in capsys.readouterr().err


@pytest.mark.parametrize(("available", "device"), [(True, "cuda"), (False, "cpu")])
def test_a_gpu_is_taken_where_there_is_one(
    available: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert loading.scoring_device().type == device
