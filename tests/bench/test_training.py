"""The two steps do the same work, and their measurement says what it should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.runtimes.workloads import Source, open_tokenizer
from bench.training import main
from bench.training_step import step_timing, steps
from bench.training_step.steps import Batches, KitStep, PlainStep, Shape, models, take
from distill.console.errors import UserError
from distill.corpus.shards import build_corpus, open_corpus
from distill.training.pretraining_inputs import set_dropout

CPU = torch.device("cpu")
TINY = Shape(2, 1, 32, 2)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(steps.SHAPES, "mini", TINY)


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    lengths = np.array([24, 9, 17], np.int32)
    return next(iter(Batches(lengths, 3, grouped=False)))


def test_both_steps_have_one_loss_and_one_gradient(batch: dict[str, torch.Tensor]) -> None:
    teacher, student = models(TINY, CPU)
    set_dropout(student, 0.0)
    found = []
    for step in (KitStep(teacher, student), PlainStep(teacher, student)):
        step.loss(batch).backward()
        found.append({n: p.grad for n, p in student.named_parameters()})
        student.zero_grad(set_to_none=True)
    kit, plain = found
    assert kit.keys() == plain.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(kit[name], gradient, atol=1e-5, rtol=1e-3, msg=name)
    losses = [step(teacher, student).loss(batch).item() for step in (KitStep, PlainStep)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_step_trains_the_student_alone(batch: dict[str, torch.Tensor]) -> None:
    teacher, student = models(TINY, CPU)
    before = [p.clone() for p in teacher.parameters()]
    step = KitStep(teacher, student)
    losses = [take(step, batch, CPU, half=False) for _ in range(40)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters(), strict=True))


def test_operations_of_a_step_are_those_that_torch_counts() -> None:
    """But for attention, whose backward recomputes, and the embeddings: short sequences."""
    shape, length = Shape(4, 2, 256, 4, vocabulary=30_522), 16
    batch = next(iter(Batches(np.full(4, length, np.int32), 4, grouped=True)))
    step = PlainStep(*models(shape, CPU))
    with FlopCounterMode(display=False) as counter:
        step.loss(batch).backward()
    assert counter.get_total_flops() / (4 * length) == pytest.approx(shape.flops(length), rel=0.02)


def test_lengths_are_those_of_the_corpus(tmp_path: Path, passages: list[str]) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join([*passages, " ".join(passages * 3), "short"]), encoding="utf-8")
    build_corpus(path.read_text().splitlines(), open_tokenizer(Source()), tmp_path / "c")
    expected = open_corpus(tmp_path / "c").lengths
    assert expected.max() == 512
    assert sorted(step_timing.sequence_lengths([path], None)) == sorted(expected)
    assert set(step_timing.sequence_lengths([path], 64)) == {64}


def test_text_that_is_named_is_read_without_the_teacher_and_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_timing, "data_directory", lambda: None)
    text = tmp_path / "text.txt"
    line = "The old lighthouse keeper climbed the stairs every evening at dusk."
    text.write_text(f"{line}\n")
    expected = [len(open_tokenizer(Source()).encode(line).ids)]
    assert step_timing.sequence_lengths([text], None).tolist() == expected
    with pytest.raises(UserError, match="missing"):
        step_timing.sequence_lengths([tmp_path / "missing.txt"], None)


def test_only_the_plain_step_pays_for_padding() -> None:
    lengths = np.random.default_rng(0).integers(12, 300, 400).astype(np.int32)
    shares = []
    for grouped in (True, False):
        batches = iter(Batches(lengths, 4, grouped))
        masks = [next(batches)["attention_mask"].float() for _ in range(40)]
        shares.append(1 - sum(m.sum() for m in masks) / sum(m.numel() for m in masks))
    assert shares[0] < 0.02 < 0.2 < shares[1]


@pytest.mark.slow
def test_the_command_measures_both(tiny: None, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["--length", "32", "--batch-size", "2", "--seconds", "0.5", "--threads", "1"]
    assert main([*line, "--no-memory", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    kit, plain = report["rows"]
    assert (kit["step"], plain["step"]) == ("kit", "plain")
    assert kit["steps"] == plain["steps"] >= 3 and kit["padding"] == plain["padding"] == 0
    ratio = report["ratio"]
    assert ratio["value"] == pytest.approx(kit["tokens_per_second"] / plain["tokens_per_second"])
    assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert kit["hours"] == pytest.approx(13e9 / kit["tokens_per_second"] / 3600)
    expected = kit["tokens_per_second"] * TINY.flops(32) / (report["peak_gflops"] * 1e9)
    assert kit["share_of_peak"] == pytest.approx(expected)
    assert main([*line, "--no-memory"]) == 0
    assert "times the tokens/s" in capsys.readouterr().out


def test_long_sequences_weigh_by_their_tokens_and_the_load_is_that_of_before(
    tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, peak = [0.0], step_timing.peak_of

    def busy(device: torch.device, half: bool) -> float:
        load[0] = 9.0
        return peak(device, half)

    monkeypatch.setattr(step_timing, "peak_of", busy)
    monkeypatch.setattr("os.getloadavg", lambda: (load[0], 0.0, 0.0))
    settings = step_timing.Settings("mini", 2, 0.01, 1, 0, False)
    report = step_timing.measure(settings, np.array([16, 16, 64, 64], np.int32), 1.0)
    assert report.machine.load == 0
    assert report.mean_length == 40
    kit = report.rows[0]
    expected = kit.tokens_per_second * TINY.flops(54.4) / (report.peak_gflops * 1e9)
    assert kit.share_of_peak == pytest.approx(expected)


def test_memory_of_a_step(tiny: None, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["--length", "64", "--batch-size", "2", "--threads", "1"]
    assert main([*line, "--memory-of", "plain"]) == 0
    logits = 2 * 64 * TINY.vocabulary * 4
    assert int(capsys.readouterr().out) > logits
    assert step_timing.memory_in_its_own_process(["--length", "13"], "kit") is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--seconds", "0"], "above 0"),
        (["--seconds", "nan"], "above 0"),
        (["--batch-size", "0"], "above 0"),
        (["--length", "13"], "between 14 and 512"),
        (["--text", "nowhere.txt"], "nowhere.txt: no such file"),
        (["--length", "16", "--threads", "0"], "--threads"),
    ],
)
def test_refusals(line: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed


def test_too_few_sequences_for_a_batch() -> None:
    with pytest.raises(UserError, match="3 sequences are too few for a batch of 4"):
        Batches(np.full(3, 20, np.int32), 4, grouped=True)
