"""Run the commands of a page as typed."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.docs.commands import ROOT, shown_lines
from tests.docs.pages import ELSEWHERE, Page

MINUTES = 40
"""Of one command, at most."""
PROGRAMS = {
    "python": (),
    "torchrun": ("-m", "torch.distributed.run"),
    "accelerate": ("-m", "accelerate.commands.accelerate_cli"),
    "coreml-simulator": ("-m", "export.simulator"),
}
WRITTEN = ("--out", "--output_dir", "--html", "--plot", "--save-json", "--corpus_dir")
"""Options that name what a command leaves."""
LIBRARIES = (
    *("torch", "accelerate", "coremltools", "matplotlib.pyplot", "onnxruntime", "onnxscript"),
    *("scipy.stats", "sentence_transformers", "sklearn.metrics", "torchao.quantization"),
    *("transformers.trainer", "transformers.models.bert.modeling_bert"),
)
"""Loaded once, five seconds of processor time; each command is a fork of the process that did."""
FORKS = multiprocessing.get_context("forkserver")


def run_page(page: Page, folder: Path, core: int | None = None) -> dict[str, str]:
    """Run what a page shows, in order, in ``folder``; each command must end well, print something
    and leave the files that it names. ``core``: the one core to run on.

    Returns:
        What each printed, by the command as it was run.
    """
    environment = {"DISTILKIT_DATA": str(folder / "data") if page.data else ""}
    printed = {}
    for command in [*page.first, *shown_lines(Path(page.path))]:
        if command.startswith(tuple(ELSEWHERE)):
            continue
        for shown, instead in page.instead.items():
            command = command.replace(shown, instead)
        words = _words(command, page, folder)
        begun = time.perf_counter()
        status, result, errors = run(words, folder, environment, core)
        print(f"{time.perf_counter() - begun:6.1f} s  {command}", flush=True)
        assert status == 0, f"{command}\n{errors[-3000:]}"
        assert result.strip(), f"{command}: it printed nothing"
        left = [words[place + 1] for place, word in enumerate(words) if word in WRITTEN]
        missing = [name for name in left if not (folder / name).exists()]
        assert not missing, f"{command}: it left no {missing}"
        printed[command] = result
    return printed


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], core: int | None = None
) -> tuple[int, str, str]:
    """``python WORDS`` in ``folder``, in a process of its own: its status, stdout and stderr."""
    FORKS.set_forkserver_preload(LIBRARIES)
    given = (list(words), str(folder), dict(environment), core)
    process = FORKS.Process(target=_python, args=given)
    process.start()
    process.join(60 * MINUTES)
    late = process.is_alive()
    if late:
        process.kill()
        process.join()
    result, errors = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    ended = f"\nstopped after {MINUTES} minutes" if late else ""
    return process.exitcode or 0, result, errors + ended


def _python(
    words: list[str], folder: str, environment: Mapping[str, str], core: int | None
) -> None:
    """What the interpreter does with its arguments."""
    os.chdir(folder)
    if core is not None:
        os.sched_setaffinity(0, {core})
    os.environ.update({**environment, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""})
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, {"stdout": 1, "stderr": 2}[name])
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def cores() -> list[int | None]:
    """A core for each page that runs: threads of two pages on the same cores wait for each other.
    None where the system does not let one choose."""
    if not hasattr(os, "sched_getaffinity"):
        return [None] * (os.cpu_count() or 1)
    return sorted(os.sched_getaffinity(0))


def _words(command: str, page: Page, folder: Path) -> list[str]:
    """The arguments of Python for a command, with the options that a page has added."""
    program, *words = shlex.split(command)
    words = [*PROGRAMS[program], *(found for word in words for found in _expanded(word, folder))]
    added = next((page.added[word] for word in words if word in page.added), ())
    if words[0].startswith("ios_app/"):
        words[0] = str(ROOT / words[0])
    return [*words, *added]


def _expanded(word: str, folder: Path) -> list[str]:
    """The files that a pattern stands for, as a shell has it."""
    if "*" not in word:
        return [word]
    return sorted(str(path.relative_to(folder)) for path in folder.glob(word)) or [word]
