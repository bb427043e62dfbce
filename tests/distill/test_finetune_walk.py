"""The way of a SQuAD question through `distill.finetune`: arguments are parsed once, and a reader
of the code is at the training after four functions."""

from __future__ import annotations

import json
import shutil
import traceback
from pathlib import Path
from typing import Any

import pytest
import transformers

from distill import finetune
from distill.training.finetune_trainer import FinetuneTrainer
from tests.docs.commands import ROOT


@pytest.fixture
def train_file(tmp_path: Path) -> Path:
    articles = []
    for number in range(8):
        answers = [{"text": "blue", "answer_start": 7}]
        question = {"id": str(number), "question": "Which colour?", "answers": answers}
        paragraph = {"context": f"Red or blue, said number {number}.", "qas": [question]}
        articles.append({"title": f"t{number}", "paragraphs": [paragraph]})
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"data": articles}), encoding="utf-8")
    return path


def test_training_is_reached_in_four_frames_and_one_parsing(
    checkpoints: dict[str, Path], train_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsers: list[Any] = []
    stacks: list[list[traceback.FrameSummary]] = []
    make, loss = transformers.HfArgumentParser.__init__, FinetuneTrainer.compute_loss

    def counted(self: Any, *arguments: Any, **options: Any) -> None:
        parsers.append(self)
        make(self, *arguments, **options)

    def seen(self: Any, *arguments: Any, **options: Any) -> Any:
        stacks.append(list(traceback.extract_stack()))
        return loss(self, *arguments, **options)

    monkeypatch.setattr(transformers.HfArgumentParser, "__init__", counted)
    monkeypatch.setattr(FinetuneTrainer, "compute_loss", seen)
    teacher = shutil.copytree(checkpoints["squad"], tmp_path / "teacher")
    line = (
        f"--task squad --model {checkpoints['squad']} --teacher {teacher} --out {tmp_path / 'run'}"
    )
    line += f" --train_file {train_file} --held_out 0.3 --max_length 48 --doc_stride 8"
    line += f" --logits_cache {tmp_path / 'logits'} --allow_weak_teacher --max_steps 1"
    line += " --report_to none --disable_tqdm true --save_strategy no --use_cpu true"
    assert finetune.main(line.split()) == 0
    assert len(parsers) == 1
    names = [frame.name for frame in stacks[0]]
    way = stacks[0][names.index("main") : names.index("train")]
    assert [frame.name for frame in way] == ["main", "run", "_run_once", "finetune"]
    assert all(Path(frame.filename).is_relative_to(ROOT / "distill") for frame in way)
