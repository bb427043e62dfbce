"""Fine-tuning shared by two processes is that of one, and one of them writes and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from distill.finetune import main

ROWS = "sentence\tlabel\n" + "".join(f"Bread number {n} rises.\t{n % 2}\n" for n in range(18))
COMMON = {
    "max_length": 48,
    "max_steps": 3,
    "learning_rate": 0.1,
    "optim": "sgd",  # weights differ by as much as gradients do
    "dropout": 0,
    "per_device_train_batch_size": 4,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "allow_weak_teacher": True,
    "json": True,
}


@pytest.fixture
def options(
    small_teacher: Path, checkpoints: dict[str, Path], tmp_path: Path
) -> dict[str, dict[str, Any]]:
    """The options of a second stage, by task: a teacher of 4 layers teaches itself. The 18 rows of
    SST-2 leave two for the third step, of which the second process has none."""
    (tmp_path / "SST-2").mkdir()
    for split in ("train", "dev"):
        (tmp_path / "SST-2" / f"{split}.tsv").write_text(ROWS, encoding="utf-8")
    articles = []
    for number in range(40):
        question = {"id": str(number), "question": "Which colour?"}
        question["answers"] = [{"text": "blue", "answer_start": 7}]
        paragraph = {"context": f"Red or blue, said number {number}.", "qas": [question]}
        articles.append({"title": f"t{number}", "paragraphs": [paragraph]})
    (tmp_path / "train.json").write_text(json.dumps({"data": articles}), encoding="utf-8")
    data = {
        "sst2": {"data": str(tmp_path)},
        "squad": {"train_file": str(tmp_path / "train.json"), "held_out": 0.4},
        "embed": {"data": str(tmp_path / "pairs.csv"), "eval_data": str(tmp_path / "pairs.csv")},
    }
    pairs = [f"Bread {n} rises.,Bread {n % 7} is old.,{n % 5}" for n in range(18)]
    (tmp_path / "pairs.csv").write_text("\n".join(["sentence1,sentence2,score", *pairs]))
    return {
        task: {"task": task, "model": str(small_teacher), **own}
        | ({"teacher": str(checkpoints[task])} if task in checkpoints else {})
        for task, own in data.items()
    }


NODES = {
    "torchrun": ["torch.distributed.run", "--nnodes", "2", "--node_rank", "{node}",
                 "--nproc_per_node", "1", "--master_addr", "127.0.0.1", "--master_port", "{port}"],
    "accelerate": ["accelerate.commands.launch", "--num_machines", "2", "--machine_rank", "{node}",
                   "--num_processes", "2", "--main_process_ip", "127.0.0.1",
                   "--main_process_port", "{port}", "--multi_gpu"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("launcher", "task"),
    [("torchrun", "sst2"), ("accelerate", "sst2"), ("processes", "squad"), ("processes", "embed")],
)
@pytest.mark.slow
def test_two_processes_or_nodes_equal_one_process_of_the_same_global_batch(
    launcher: str,
    task: str,
    options: dict[str, dict[str, Any]],
    tmp_path: Path,
    capsys: Any,
    by_two_processes: Any,
    by_two_nodes: Any,
) -> None:
    def written(name: str, **own: Any) -> tuple[Path, Path]:
        """(configuration file, folder of the run)"""
        path, out = tmp_path / f"{name}.json", tmp_path / name
        cache = str(tmp_path / f"logits-{name}")
        given = {**options[task], **COMMON, "logits_cache": cache, "output_dir": str(out), **own}
        path.write_text(json.dumps(given))
        return path, out

    path, one = written("one", gradient_accumulation_steps=2)
    assert main([str(path)]) == 0
    capsys.readouterr()
    path, two = written("two", use_cpu=False)
    if launcher in NODES:
        printed = by_two_nodes(NODES[launcher], "distill.finetune", path)
    else:
        printed = by_two_processes("distill.finetune", path)
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (one, two))
    assert json.loads(printed).items() <= second.items()
    assert len(list(tmp_path.glob("logits-two/*"))) == ("teacher" in options[task])
    assert second["steps"] == first["steps"] == 3
    assert second["train_loss"] == pytest.approx(first["train_loss"], rel=1e-5)
    weights, expected = (load_file(folder / "model.safetensors") for folder in (two, one))
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, atol=1e-5, rtol=1e-4)
