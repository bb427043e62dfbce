"""What a measurement was made on, and keeping it to so many cores."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measuring.results import Machine
from distill.console.errors import UserError

PACKAGES = ("torch", "transformers", "onnxruntime", "coremltools", "openvino", "numpy")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp")
BUSY = 0.5
"""Load per core, of other processes, above which times are not to be trusted alone."""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Keep this process, and the threads and processes it starts, on ``threads`` cores; where the
    system cannot do that, the number of threads still holds.

    Raises:
        UserError: fewer cores than that, or less than one thread.
    """
    if not 1 <= threads <= cores():
        raise UserError(
            f"--threads {threads} is not possible on {cores()} cores (expected 1 to {cores()})"
        )
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe(threads: int) -> Machine:
    """CPU, flags that matter to matrix products, memory, load, system and versions."""
    import psutil

    name, flags = _cpu()
    versions = {package: _version(package) for package in PACKAGES}
    return Machine(
        cpu=name,
        flags=tuple(flag for flag in FLAGS if flag in flags),
        cores=cores(),
        threads=threads,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        load=round(os.getloadavg()[0], 2),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions={package: version for package, version in versions.items() if version},
    )


def require_memory(needed: float, purpose: str) -> None:
    """Refuse early what the system would end by killing this process.

    Raises:
        UserError: fewer than ``needed`` bytes are free.
    """
    import psutil

    free = psutil.virtual_memory().available
    if free < needed:
        raise UserError(
            f"{purpose} needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are "
            "free; compare fewer models or runtimes at once"
        )


def _cpu() -> tuple[str, list[str]]:
    name, flags = platform.processor() or platform.machine(), ""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return name, []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        if key.strip() in ("flags", "Features"):
            flags = value
            break
    return name, flags.split()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
