"""A run of distillation: what it leaves, what it refuses, and the traps of the reference."""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer, TrainingArguments

from distill.console.errors import UserError
from distill.console.options import parse
from distill.pretrain import main
from distill.training import distill_trainer as engine
from distill.training.pretraining_run import ReferenceTraining, pretrain
from distill.training.settings import PRETRAIN_SCHEDULE, TRAINING_DEFAULTS, PretrainSettings

COMMON = {
    "layers": 2,
    "sequence_length": 64,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "max_steps": 4,
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "use_cpu": True,
}


@pytest.fixture
def run(small_teacher: Path, text_file: Path, tmp_path: Path):
    """Run with other options than the common ones; returns (folder, metrics.json)."""

    def start(**options: Any) -> tuple[Path, dict[str, Any]]:
        out = Path(options.pop("output_dir", tmp_path / "run"))
        given = {"teacher": str(small_teacher), "text": str(text_file), **COMMON, **options}
        path = tmp_path / "run.json"
        path.write_text(json.dumps({"output_dir": str(out), **given}))
        settings, training = parse([str(path)], PretrainSettings, ReferenceTraining)
        pretrain(settings, training)
        return out, json.loads((out / "metrics.json").read_text())

    return start


def test_a_run_leaves_a_student_that_transformers_loads(run, text_file: Path) -> None:
    out, metrics = run(held_out=0.2, report_to="tensorboard", data_note="Written for a test.")
    student = AutoModelForMaskedLM.from_pretrained(out)
    assert (student.config.model_type, student.config.n_layers) == ("distilbert", 2)
    assert AutoTokenizer.from_pretrained(out).mask_token == "[MASK]"
    assert metrics["steps"] == len([row for row in metrics["log"] if "loss" in row]) == 4
    first = metrics["log"][0]
    terms = 5 * first["loss_distillation"] + 2 * first["loss_masked"] + first["loss_cosine"]
    assert terms == pytest.approx(first["loss"], rel=1e-3)
    held = metrics["evaluation"]
    terms = 5 * held["distillation"] + 2 * held["masked"] + held["cosine"]
    assert held["loss"] == pytest.approx(terms, rel=1e-6)  # batches of other lengths in both
    assert held["perplexity"] == pytest.approx(math.exp(held["masked"]), rel=1e-6)
    assert metrics["training"].keys() == {*PRETRAIN_SCHEDULE, "processes"}
    assert metrics["tokens_per_second"] > 0 and metrics["tokens_seen"] > 0
    assert metrics["machine"]["versions"]["torch"] == torch.__version__
    card = (out / "README.md").read_text()
    for fact in ("5 L_ce + 2 L_mlm + 1 L_cos", "Written for a test.", text_file.name, "perplexity"):
        assert fact in card
    assert list(out.glob("runs/*/events*")) or list(out.glob("**/events*"))


def test_result_is_a_table_or_json(
    run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, metrics = run(held_out=0.2)  # a finished run is read, not run again
    monkeypatch.setenv("COLUMNS", "80")
    capsys.readouterr()
    assert main([str(tmp_path / "run.json")]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines()[:-2])) <= 80
    assert f"{metrics['evaluation']['perplexity']:,.1f}" in shown and "2 layers" in shown
    assert f"the model is in {out};" in shown
    assert main([str(tmp_path / "run.json"), "--json", "True"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["evaluation"] == metrics["evaluation"]


def test_loss_falls_while_training(run) -> None:
    _, metrics = run(max_steps=30, learning_rate=5e-3, choice="random")
    losses = [row["loss"] for row in metrics["log"] if "loss" in row]
    assert losses[-1] < 0.95 * losses[0]


def test_the_defaults_are_the_references(tmp_path: Path) -> None:
    """On the command line and from a file alike."""
    options = {"teacher": "t", "text": "x", "output_dir": str(tmp_path), "use_cpu": True}
    (tmp_path / "run.yaml").write_text("\n".join(f"{k}: {v}" for k, v in options.items()))
    line = [part for k, v in options.items() for part in (f"--{k}", str(v))]
    for given in (line, [str(tmp_path / "run.yaml")]):
        settings, training = parse(given, PretrainSettings, ReferenceTraining)
        assert {k: getattr(training, k) for k in TRAINING_DEFAULTS} == TRAINING_DEFAULTS
        assert (settings.alpha_ce, settings.alpha_mlm, settings.alpha_cos) == (5, 2, 1)
        assert settings.text == ["x"] and settings.temperature == 2
        assert (training.adam_beta1, training.weight_decay) == (0.9, 0)
        assert (training.num_train_epochs, training.lr_scheduler_type) == (3, "linear")
    assert TrainingArguments(output_dir=str(tmp_path), use_cpu=True).adam_beta2 == 0.999


def test_file_with_an_unknown_key_is_refused(tmp_path: Path, capsys) -> None:
    (tmp_path / "run.yaml").write_text("teacher: t\ntext: x\noutput_dir: o\nalpha_cee: 3\n")
    assert main([str(tmp_path / "run.yaml")]) == 2
    assert "alpha_cee" in capsys.readouterr().err


def test_help_does_not_wait_for_torch() -> None:
    code = "import atexit, os, sys; from distill.pretrain import main; "
    code += "atexit.register(lambda: 'torch' in sys.modules and os._exit(1)); main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "\n    python -m distill.pretrain --teacher" in done.stdout  # a line of its own
    assert "--alpha_ce" in done.stdout


def test_the_longest_batch_comes_first(run, monkeypatch) -> None:
    seen: list[int] = []
    compute = engine.DistillTrainer.compute_loss

    def watched(self, model, inputs, *arguments, **keywords):
        seen.append(int(inputs["attention_mask"].sum(1).max()))
        return compute(self, model, inputs, *arguments, **keywords)

    monkeypatch.setattr(engine.DistillTrainer, "compute_loss", watched)
    run(seed=3)  # the others begin with a shorter one
    assert seen[0] == max(seen) > seen[1]
    assert len(seen) == 1 + 4 * 2


def test_activation_checkpoints_change_nothing_but_memory(run, tmp_path: Path) -> None:
    options = {"max_steps": 2, "dropout": 0}
    plain, found = (
        run(output_dir=tmp_path / name, **options, **own)[1]["train_loss"]
        for name, own in (("plain", {}), ("found", {"activation_checkpointing": True}))
    )
    assert found == pytest.approx(plain, rel=1e-5)


@pytest.mark.slow
def test_compiled_layers_change_nothing_but_time(run, tmp_path: Path) -> None:
    """By the backend that generates no code: others need a C++ compiler."""
    options = {"max_steps": 2, "dropout": 0, "alpha_rel": 1}
    compiling = {"torch_compile": True, "torch_compile_backend": "eager"}
    plain, found = (
        run(output_dir=tmp_path / name, **options, **own)[1]["train_loss"]
        for name, own in (("plain", {}), ("found", compiling))
    )
    assert found == pytest.approx(plain, rel=1e-5)


def test_an_unknown_compiler_is_one_line(run) -> None:
    with pytest.raises(UserError, match=r"--torch_compile_backend: .*nonsense"):
        run(torch_compile=True, torch_compile_backend="nonsense")


def test_memory_that_is_too_small_is_said_before_the_first_step(run, monkeypatch) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine.DistillTrainer, "compute_loss", exhausted)
    with pytest.raises(UserError, match="longest batch, 4 sequences of up to"):
        run()


def test_no_gradient_crosses_into_the_next_epoch(run) -> None:
    """An epoch is a whole number of steps, each with its full batch."""
    _, metrics = run(max_steps=-1, num_train_epochs=2, gradient_accumulation_steps=5)
    batches = metrics["corpus"]["sequences"] // 4
    assert batches % 5
    assert metrics["steps"] == 2 * (batches // 5)


def test_early_stopping_keeps_the_best(run) -> None:
    _, metrics = run(
        max_steps=40,
        learning_rate=1.0,  # every step makes it worse
        held_out=0.2,
        early_stopping_patience=2,
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
    )
    assert metrics["stopped_early"] and metrics["steps"] < 40
    *losses, reported = [row["eval_loss"] for row in metrics["log"] if "eval_loss" in row]
    best = metrics["best"]
    assert (best["step"], best["value"]) == (2 + 2 * losses.index(min(losses)), min(losses))
    assert metrics["evaluation"]["loss"] == reported != min(losses)  # on other sequences
    assert 0 <= best["rows"] - metrics["held_out_sequences"] <= 1


def test_early_stopping_goes_on_counting_where_a_killed_run_stood(run, tmp_path: Path) -> None:
    options = {
        "max_steps": 40,
        "learning_rate": 1.0,
        "held_out": 0.2,
        "early_stopping_patience": 3,
        "eval_steps": 2,
        "save_strategy": "steps",
        "save_steps": 2,
    }
    whole, expected = run(**options)
    cut = tmp_path / "cut"
    cut.mkdir()
    shutil.copytree(whole / "corpus", cut / "corpus")
    shutil.copy(whole / "run.json", cut)
    for step in (2, 4):
        shutil.copytree(whole / f"checkpoint-{step}", cut / f"checkpoint-{step}")
    _, found = run(output_dir=cut, **options)
    assert (found["resumed_from"], found["steps"]) == (4, expected["steps"])
    assert found["stopped_early"]
    assert found["evaluation"] == expected["evaluation"]


def test_a_frozen_encoder_does_not_move(run, small_teacher: Path) -> None:
    out, _ = run(
        teacher=None,
        student=str(small_teacher),
        layers=6,
        freeze_encoder=True,
        max_steps=6,
        learning_rate=0.1,
    )
    before, after = (
        AutoModelForMaskedLM.from_pretrained(path).state_dict() for path in (small_teacher, out)
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all(name.startswith("cls.predictions.") for name in moved)
    assert "cls.predictions.decoder.weight" not in moved  # tied to the embeddings


def test_a_folder_of_another_run_is_refused_and_left_alone(run) -> None:
    out, _ = run()
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    for other in (
        {"temperature": 4},
        {"seed": 7},
        {"learning_rate": 1e-3},
        {"max_steps": 5},
        {"optim": "adafactor"},
        {"early_stopping_patience": 3, "held_out": 0.2, "save_strategy": "steps"},
        {"eval_steps": 2},
    ):
        with pytest.raises(UserError, match=f"holds a run with {next(iter(other))}"):
            run(**other)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_finished_run_on_another_text_of_the_same_size_is_another_run(
    run, text_file: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.txt"
    text = text_file.read_text(encoding="utf-8")
    own.write_text(text, encoding="utf-8")
    run(text=str(own))
    own.write_text(text[::-1].strip() + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds a run with content of"):
        run(text=str(own))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha_ce": 0, "alpha_mlm": 0, "alpha_cos": 0}, "weight 0"),
        ({"alpha_ce": -1}, "0 or more"),
        ({"temperature": 0}, "temperature"),
        ({"layers": 9, "choice": "last"}, "9 layers cannot be made from 4"),
        ({"choice": "middle"}, "unknown choice"),
        ({"teacher": "nowhere"}, "no such checkpoint folder"),
        ({"teacher": None}, "give a --teacher"),
        ({"teacher": None, "student": "minilm", "alpha_ce": 3}, "--alpha_ce needs a --teacher"),
        ({"teacher": None, "student": "minilm", "masked_only": True}, "--masked_only needs a"),
        ({"student": "minilm"}, "--layers is for a student made from the teacher"),
        ({"relation_heads": 4}, "--relation_heads needs an --alpha_rel"),
        ({"text": []}, "--text"),
        ({"held_out": 1}, "held_out"),
        ({"eval_strategy": "steps"}, "set --held_out"),
        ({"precision": "int3"}, "precision"),
        ({"precision": "float32", "bf16": True}, "contradicts --bf16"),
        ({"dropout": 10}, "below 1"),
        ({"sequence_length": 65}, "at most 64 tokens, not 65"),
        ({"per_device_train_batch_size": 0}, "at least 1"),
        ({"max_steps": 0}, "nothing to train"),
        ({"eval_on_start": True}, "set --held_out"),
        ({"ignore_data_skip": True}, "takes up the data where it stopped"),
    ],
)
def test_options_that_cannot_be_are_one_line(run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(**options)


def test_a_teacher_without_head_is_refused_for_l_ce_only(
    run, small_teacher: Path, tmp_path: Path
) -> None:
    headless = tmp_path / "headless"
    AutoModelForMaskedLM.from_pretrained(small_teacher).base_model.save_pretrained(headless)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (headless / name).write_bytes((small_teacher / name).read_bytes())
    with pytest.raises(UserError, match=r"no MLM head.*distill.adapt_mlm"):
        run(teacher=str(headless))
    _, metrics = run(teacher=str(headless), alpha_ce=0)
    assert "loss_cosine" in metrics["log"][0] and "loss_distillation" not in metrics["log"][0]


def test_a_student_of_another_vocabulary_is_refused(
    run, small_teacher: Path, minilm_directory: Path
) -> None:
    with pytest.raises(UserError, match=r"tokenizers of .* differ"):
        run(student=str(minilm_directory), layers=6)


def test_a_damaged_student_is_one_line(run, small_teacher: Path, tmp_path: Path) -> None:
    student = shutil.copytree(small_teacher, tmp_path / "damaged")
    weights = student / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="damaged: cannot be loaded"):
        run(student=str(student), layers=6)


def test_a_full_disk_is_one_line_and_loses_nothing(run, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # below the weights' size
    try:
        with pytest.raises(UserError, match="disk is full"):
            run(save_strategy="steps", save_steps=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "run" / "metrics.json").exists()
    _, metrics = run(save_strategy="steps", save_steps=2)
    assert metrics["steps"] == 4
