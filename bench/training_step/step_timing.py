"""Times of training steps taken in turns, the machine's matrix peak, and memory of each step."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bench.measuring.machine import cores, describe
from bench.measuring.memory import MB, resident_peak
from bench.measuring.results import Machine
from bench.measuring.timing import bootstrap_interval
from bench.roofline.peaks import matrix_peak
from bench.runtimes.workloads import Source, open_tokenizer
from bench.training_step.steps import SHAPES, Batches, KitStep, PlainStep, Step, models, take
from distill.console.text_lines import read_lines
from distill.models.presets import data_directory

FILES = ("books/nonfiction.txt.gz", "books/fiction.txt.gz", "wikisplit/sentences.txt.gz")
LEAST_TURNS = 3
SAMPLED_LINES = 8000
SHORTEST, LONGEST = 12, 512
Turn = tuple[int, int, float]
"""Tokens, positions and seconds of one step."""


@dataclass(frozen=True)
class Settings:
    """What decides a measurement; ``seconds`` are of timed steps, of both contenders together."""

    model: str
    batch_size: int
    seconds: float
    threads: int | None
    seed: int
    compiled: bool


@dataclass(frozen=True)
class StepRow:
    """A step: tokens that carry text per second, the share of positions that are padding, the share
    of the matrix peak, hours for all tokens of a training, how many steps were timed, and the peak
    memory of a process of its own where it was measured."""

    step: str
    tokens_per_second: float
    padding: float
    share_of_peak: float
    hours: float
    steps: int
    memory_mb: float | None = None


@dataclass(frozen=True)
class StepRatio:
    """Tokens per second of the kit's step / those of the plain one, with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StepTimes:
    """Both steps on one machine; ``model``: student and teacher in words."""

    model: str
    batch_size: int
    mean_length: float
    sequences: int
    precision: str
    compiled: bool
    peak_gflops: float
    rows: tuple[StepRow, ...]
    ratio: StepRatio
    seed: int
    machine: Machine
    machine_line: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def sequence_lengths(text: Sequence[Path] | None, length: int | None) -> npt.NDArray[np.int32]:
    """Lengths of sequences in tokens, as `distill.corpus.shards` would make them of ``text``.

    Raises:
        UserError: text is named and there is no tokenizer.
    """
    data = data_directory()
    if length is None and text is None and data is not None:
        text = [data / "corpus" / name for name in FILES]
    if length is not None or not text:
        return np.full(4096, length or 128, np.int32)
    tokenizer = open_tokenizer(Source())
    lines = [line for path in text for line in read_lines(path)]
    chance = np.random.default_rng(0)
    lines = [lines[i] for i in chance.permutation(len(lines))[:SAMPLED_LINES]]
    found = []
    for coded in tokenizer.encode_batch_fast(lines, add_special_tokens=False):
        tokens = len(coded.ids)
        room = LONGEST - 2
        found += [min(tokens - start, room) + 2 for start in range(0, tokens, room)]
    return np.array([n for n in found if n >= SHORTEST], np.int32)


def measure(settings: Settings, lengths: npt.NDArray[np.int32], token_passes: float) -> StepTimes:
    """Tokens per second of both steps, their ratio with a 95% interval, and the matrix peak."""
    device, half = _machine(settings)
    machine = describe(torch.get_num_threads())
    peaks = [peak_of(device, half)]
    contenders = {name: _contender(name, settings, lengths, device) for name in ("kit", "plain")}
    for step, batches in contenders.values():  # memory is mapped, kernels are chosen
        take(step, next(batches), device, half)
    turns: dict[str, list[Turn]] = {name: [] for name in contenders}
    while (
        len(turns["kit"]) < LEAST_TURNS
        or sum(t for rows in turns.values() for *_, t in rows) < settings.seconds
    ):
        for name, (step, batches) in contenders.items():
            batch = next(batches)
            positions, tokens = batch["input_ids"].numel(), int(batch["attention_mask"].sum())
            began = time.perf_counter()
            take(step, batch, device, half)
            _wait(device)
            turns[name].append((tokens, positions, time.perf_counter() - began))
    peaks.append(peak_of(device, half))
    peak = max(peaks)
    shape = SHAPES[settings.model]
    flops = shape.flops(float(np.average(lengths, weights=lengths)))
    return StepTimes(
        model=f"{shape.student_layers}x{shape.width} of a teacher {shape.layers}x{shape.width}",
        batch_size=settings.batch_size,
        mean_length=float(lengths.mean()),
        sequences=len(lengths),
        precision="bf16" if half else "float32",
        compiled=settings.compiled,
        peak_gflops=peak / 1e9,
        rows=tuple(_row(name, turn, flops, peak, token_passes) for name, turn in turns.items()),
        ratio=_ratio(turns["kit"], turns["plain"], settings.seed),
        seed=settings.seed,
        machine=machine,
        machine_line=machine.line()
        if device.type == "cpu"
        else f"{torch.cuda.get_device_name()}; torch {torch.__version__}",
    )


def _machine(settings: Settings) -> tuple[torch.device, bool]:
    torch.set_num_threads(settings.threads or cores())
    torch.manual_seed(settings.seed)
    if not torch.cuda.is_available():
        return torch.device("cpu"), False
    torch.backends.cuda.matmul.allow_tf32 = True
    return torch.device("cuda"), torch.cuda.is_bf16_supported()


def _contender(
    name: str, settings: Settings, lengths: npt.NDArray[np.int32], device: torch.device
) -> tuple[Step, Iterator[dict[str, torch.Tensor]]]:
    teacher, student = models(SHAPES[settings.model], device)
    kit = name == "kit"
    step = KitStep(teacher, student, settings.compiled) if kit else PlainStep(teacher, student)
    return step, iter(Batches(lengths, settings.batch_size, kit, settings.seed))


def peak_of(device: torch.device, half: bool) -> float:
    """FLOP/s of large matrix products, in the precision of the steps."""
    size, dtype = (8192, torch.bfloat16) if half else (1536, torch.float32)
    return matrix_peak(device, dtype, size)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _row(name: str, turn: list[Turn], flops: float, peak: float, passes: float) -> StepRow:
    tokens, positions, seconds = (float(sum(column)) for column in zip(*turn, strict=True))
    rate = tokens / seconds
    return StepRow(
        step=name,
        tokens_per_second=rate,
        padding=1 - tokens / positions,
        share_of_peak=rate * flops / peak,
        hours=passes / rate / 3600,
        steps=len(turn),
    )


def _ratio(kit: list[Turn], plain: list[Turn], seed: int) -> StepRatio:
    """By a bootstrap over the turns."""
    columns = tuple(np.array(column, float) for rows in (kit, plain) for column in _rates(rows))

    def faster(*sums: npt.NDArray[np.float64], axis: int = -1) -> npt.NDArray[np.float64]:
        """Of tokens and seconds of the kit's step and the plain one."""
        kit_tokens, kit_seconds, tokens, seconds = (each.sum(axis=axis) for each in sums)
        ratio: npt.NDArray[np.float64] = (kit_tokens / kit_seconds) / (tokens / seconds)
        return ratio

    low, high = bootstrap_interval(columns, faster, seed=seed)
    return StepRatio(float(faster(*columns)), low, high)


def _rates(rows: list[Turn]) -> tuple[list[int], list[float]]:
    return [tokens for tokens, _, _ in rows], [seconds for _, _, seconds in rows]


def peak_bytes(settings: Settings, lengths: npt.NDArray[np.int32], name: str) -> int:
    """Peak memory of this process, or of the GPU, after a step on the longest batch and one more.

    Lengths are sorted, so the longest come last: the batch that decides whether a run fits.
    """
    device, half = _machine(settings)
    longest = np.sort(lengths)[-settings.batch_size :]
    step, batches = _contender(name, settings, longest, device)
    for _ in range(2):
        take(step, next(batches), device, half)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return round(resident_peak() * MB)


def memory_in_its_own_process(arguments: Sequence[str], name: str) -> float | None:
    """`peak_bytes` in MB; None where the process failed, for want of memory for example."""
    line = [sys.executable, "-m", "bench.training", *arguments, "--memory-of", name]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    try:
        return int(done.stdout.split()[-1]) / MB
    except (IndexError, ValueError):
        return None
