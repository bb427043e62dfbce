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
from distill.tasks.classification import task_named
from distill.training import finetune_classify, finetune_squad

META = torch.device("meta")
TRAINING: Any = SimpleNamespace(seed=0, device=META)


@pytest.fixture
def sst2(tmp_path: Path) -> Path:
    (tmp_path / "SST-2").mkdir()
    for split in ("train", "dev"):
        text = "sentence\tlabel\nA dull film.\t0\nMoving.\t1\n"
        (tmp_path / "SST-2" / f"{split}.tsv").write_text(text, encoding="utf-8")
    return tmp_path


def refuse_by_device(model: torch.nn.Module, *_: Any, **__: Any) -> NoReturn:
    raise UserError(f"scored on {next(model.parameters()).device}")


def test_a_classifying_teacher_is_scored_where_it_teaches(
    checkpoints: dict[str, Path], sst2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_classify, "evaluate_model", refuse_by_device)
    settings = finetune_classify.ClassifySettings(
        str(sst2), 32, None, 0.5, 2.0, 0.0, str(sst2 / "logits"), True
    )
    place = checkpoints["sst2"]
    with pytest.raises(UserError, match="scored on meta"):
        finetune_classify.finetune(task_named("sst2"), place, place, settings, TRAINING, None)


def test_a_question_answering_teacher_is_scored_where_it_teaches(
    checkpoints: dict[str, Path], squad_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_squad, "evaluate_model", refuse_by_device)
    file, place = str(squad_file), checkpoints["squad"]
    settings = finetune_squad.SquadSettings(
        "squad", file, [], 0.5, 64, 16, None, 0.5, 2.0, 0.0, None, "logits", True, "skip"
    )
    with pytest.raises(UserError, match="scored on meta"):
        finetune_squad.finetune(place, place, settings, TRAINING, None)


def test_evaluation_takes_the_device_that_is_there(
    checkpoints: dict[str, Path],
    sst2: Path,
    squad_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(loading, "scoring_device", lambda: META)
    monkeypatch.setattr(finetune_classify, "evaluate_model", refuse_by_device)
    monkeypatch.setattr(finetune_squad, "predict", refuse_by_device)
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
